"""The settings: every key of the configuration with its type, default and description."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import (
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from proxy.config.grpc import GrpcSettings
from proxy.config.limits import LimitSettings, TimeoutSettings
from proxy.config.listeners import CorsSettings, ListenSettings
from proxy.config.nodes import NodeSettings
from proxy.config.observability import ClientsSettings, LoggingSettings, ObserveSettings, TracingSettings
from proxy.config.section import Section
from proxy.config.shadow import ShadowSettings
from proxy.config.types import (
    AdminMethod,
    AllowedText,
    Bytes,
    BytesOrZero,
    Count,
    Flag,
    Network,
    NetworkId,
    Seconds,
    ServerState,
    Workers,
)
from proxy.config.versions import VersionSettings


class HealthSettings(Section):
    """Which nodes are in rotation, and what happens to requests that fail."""

    timeout: Seconds = Field(5, description="time for a node to respond to a health check")
    failures: Count = Field(2, description="consecutive failures after which a node is down")
    successes: Count = Field(2, description="consecutive successes after which a node is up again")
    max_validated_age: Seconds = Field(
        120,
        description="maximum age of a node's last validated ledger; rippled refuses requests beyond 120 s",
    )
    max_lag: Count = Field(10, description="validated ledgers that a node in rotation may be behind the best node")
    states: Annotated[tuple[ServerState, ...], AllowedText("a list of server states, such as [full, proposing]")] = (
        Field(
            ("full", "proposing", "validating"),
            description="server states of a node in rotation; [] for any; Clio reports none",
        )
    )
    tries: Count = Field(3, description="number of nodes that a failing read is tried on, within timeouts.request")
    breaker_failures: Count = Field(
        10,
        description="failed requests within breaker_window that open the circuit breaker, if they are half of all",
    )
    breaker_window: Seconds = Field(10, description="time over which failed requests are counted")
    breaker_pause: Seconds = Field(1, description="first pause of an open breaker; each further one is twice as long")
    breaker_longest_pause: Seconds = Field(60, description="longest pause")


class CacheSettings(Section):
    """Responses that need no node request of their own."""

    bytes: BytesOrZero = Field(
        0, description="memory for responses that never change (validated tx, ledger by hash or number); 0 caches none"
    )
    coalesce_reads: Flag = Field(
        False,
        description="equal reads of validated ledgers that wait together share one node request, charged to one client",
    )


class GuardSettings(Section):
    """What untrusted clients may do. The defaults are those of a public rippled."""

    allow_admin_methods: Annotated[
        tuple[AdminMethod, ...], AllowedText("a list of admin methods, such as [peers, validators]")
    ] = Field((), description="admin methods forwarded to the node, for every client")
    allow_admin_credentials: Flag = Field(False, description="forward requests with admin_user or admin_password")
    allow_admin_nodes: Flag = Field(
        False, description="use nodes that treat the proxy, and so every client, as an administrator"
    )
    allow_subscribe_url: Flag = Field(False, description="forward subscribe with url: the node posts to that URL")
    trusted_proxies: Annotated[
        tuple[Network, ...], AllowedText("a list of IP networks, such as [10.0.0.0/8, fd00::/8]")
    ] = Field((), description="networks of reverse proxies whose X-Forwarded-For or Forwarded header is trusted")


class WebSocketSettings(Section):
    """Clients' WebSocket sessions, each with its own connection to a node."""

    message_bytes: Bytes = Field(1_000_000, description="largest message accepted from a client")
    answer_bytes: Bytes = Field(67_108_864, description="largest message accepted from a node")
    queue_bytes: Bytes = Field(16_777_216, description="bytes queued for one slow client before it is disconnected")
    in_flight: Count = Field(1000, description="concurrent requests of one session")
    subscription_bytes: Bytes = Field(
        4_194_304, description="memory for the subscriptions of one session; 4 MiB is about 30000 accounts"
    )
    subscription_bytes_per_address: Bytes = Field(
        16_777_216, description="memory for the subscriptions of all sessions from one client address"
    )
    sessions: Count = Field(10_000, description="sessions in total")
    sessions_per_address: Count = Field(100, description="sessions from one client address")
    ping_interval: Seconds = Field(
        20, description="silence after which a client or node is pinged; after half as much more it is disconnected"
    )
    compression: Flag = Field(True, description="offer permessage-deflate to clients")
    share_subscriptions: Flag = Field(
        True, description="subscribe to public streams once per node instead of once per session"
    )
    reconnect: Flag = Field(
        False,
        description="when a node fails, move its sessions to another node and subscribe again, instead of closing them",
    )


class Settings(Section):
    """The whole configuration."""

    versions: VersionSettings = Field(VersionSettings(), description="API versions that clients may use")
    listen: Annotated[
        ListenSettings | tuple[ListenSettings, ...],
        AllowedText(f"a mapping with the keys {', '.join(ListenSettings.model_fields)}, or a list of 1 to 20 of them"),
    ] = Field(ListenSettings(), description="addresses for clients: one listener, or a list of several")
    workers: Workers = Field(1, description="processes that share the ports; limits apply to each of them")
    observe: ObserveSettings = Field(ObserveSettings(), description="address for operators")
    cors: CorsSettings = Field(CorsSettings(), description="which web pages may use the proxy from a browser")
    nodes: Annotated[
        tuple[NodeSettings, ...],
        AllowedText("a list of 1 to 100 nodes, each with at least the key http"),
    ] = Field(description="the nodes")
    network_id: NetworkId = Field(
        "auto", description="network that every node must be on; auto is that of the first healthy node"
    )
    timeouts: TimeoutSettings = Field(TimeoutSettings(), description="waiting times")
    health: HealthSettings = Field(HealthSettings(), description="which nodes are in rotation")
    cache: CacheSettings = Field(CacheSettings(), description="responses that need no node request of their own")
    limits: LimitSettings = Field(LimitSettings(), description="sizes, rates and counts")
    guard: GuardSettings = Field(GuardSettings(), description="what untrusted clients may do")
    websocket: WebSocketSettings = Field(WebSocketSettings(), description="clients' WebSocket sessions")
    grpc: GrpcSettings = Field(GrpcSettings(), description="calls over gRPC, which are forwarded")
    shadow: ShadowSettings = Field(ShadowSettings(), description="comparison of responses with those of another node")
    clients: ClientsSettings = Field(ClientsSettings(), description="record of clients and versions, for /clients")
    tracing: TracingSettings = Field(TracingSettings(), description="where traces are sent")
    logging: LoggingSettings = Field(LoggingSettings(), description="what is logged")
    watch_config: Flag = Field(
        False, description="read the configuration again, as on SIGHUP, when its file or a file of secrets changes"
    )

    @property
    def listeners(self) -> tuple[ListenSettings, ...]:
        """The addresses for clients, as a list however they are written."""
        return _as_tuple(self.listen)

    @field_validator("listen", mode="wrap")
    @classmethod
    def _one_or_several(
        cls, value: object, _: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> ListenSettings | tuple[ListenSettings, ...]:
        listen: ListenSettings | tuple[ListenSettings, ...]
        several = isinstance(value, list | tuple)
        listen = _SEVERAL.validate_python(value) if several else ListenSettings.model_validate(value)
        listeners = _as_tuple(listen)
        if not 1 <= len(listeners) <= 20:
            raise PydanticCustomError("count", "wrong number")
        versions = info.data.get("versions")
        problems = [
            InitErrorDetails(
                type=PydanticCustomError("problem", "{problem}", {"problem": problem}),
                loc=(place, *path) if several else path,
                input=wrong,
            )
            for place, listener in enumerate(listeners)
            for path, wrong, problem in _conflicts(listener, listeners[:place], versions)
        ]
        if problems:
            raise ValidationError.from_exception_data("listen", problems)
        return listen

    @field_validator("workers")
    @classmethod
    def _share_known_ports(cls, value: int, info: ValidationInfo) -> int:
        listeners = _as_tuple(info.data.get("listen", ()))
        if value > 1 and any(0 in listener.ports for listener in listeners):
            raise PydanticCustomError("problem", "several workers cannot share a port 0 in listen")
        return value

    @field_validator("observe")
    @classmethod
    def _not_where_clients_are(cls, value: ObserveSettings, info: ValidationInfo) -> ObserveSettings:
        listen = info.data.get("listen", ())
        for place, listener in enumerate(_as_tuple(listen)):
            if _collide(value, listener):
                key = "listen.port" if isinstance(listen, ListenSettings) else f"listen[{place}].port"
                context = {"key": "port", "value": value.port, "other": key}
                raise PydanticCustomError("conflict", "port {value} is already used by {other}", context)
        return value

    @field_validator("nodes", mode="before")
    @classmethod
    def _all_named(cls, value: object) -> object:
        return with_default_names(value)

    @field_validator("nodes")
    @classmethod
    def _some_and_all_different(cls, value: tuple[NodeSettings, ...]) -> tuple[NodeSettings, ...]:
        if not 1 <= len(value) <= 100:
            raise PydanticCustomError("count", "wrong number")
        if repeated_names([node.name for node in value]):
            raise PydanticCustomError(NAME_REPEATED, "a name is used twice")
        return value

    @field_validator("shadow")
    @classmethod
    def _names_a_node(cls, value: ShadowSettings, info: ValidationInfo) -> ShadowSettings:
        names = [node.name for node in info.data.get("nodes", ())]
        if value.node is not None and names and "://" not in value.node and value.node not in names:
            words = "expected a name in nodes ({names}) or an http:// or https:// URL"
            context = {"key": "node", "value": value.node, "names": ", ".join(names)[:200]}
            raise PydanticCustomError("problem", words, context)
        return value


NAME_REPEATED = "name_repeated"

_SEVERAL = TypeAdapter(tuple[ListenSettings, ...])


def _as_tuple(listen: ListenSettings | tuple[ListenSettings, ...]) -> tuple[ListenSettings, ...]:
    return (listen,) if isinstance(listen, ListenSettings) else listen


def _conflicts(
    listener: ListenSettings, earlier: Sequence[ListenSettings], versions: VersionSettings | None
) -> Iterator[tuple[tuple[str, ...], object, str]]:
    """Find what in `listener` contradicts the other settings: path, value and problem of each."""
    for place, other in enumerate(earlier):
        if _collide(listener, other):
            yield ("port",), listener.port, f"port {listener.port} is already used by listen[{place}]"
            break
    if versions is None:  # invalid itself
        return
    own = listener.versions
    lowest, highest = own.min or versions.min, own.max or versions.max
    going = max((sunset.version for sunset in versions.sunset if sunset.refuse), default=0)
    if not versions.min <= lowest <= versions.max:
        yield ("versions", "min"), own.min, f"expected an API version within versions, {versions.min} to {versions.max}"
    elif not lowest <= highest <= versions.max:
        yield ("versions", "max"), own.max, f"expected an API version within versions, {lowest} to {versions.max}"
    elif highest <= going:
        yield (
            ("versions", "max"),
            own.max,
            f"versions.sunset refuses the versions up to {going}: no version would remain here",
        )
    elif "default_version" in listener.model_fields_set and not lowest <= listener.default_version <= highest:
        problem = f"expected an API version that is supported here, {lowest} to {highest}"
        yield ("default_version",), listener.default_version, problem


def with_default_names(nodes: object) -> object:
    """Return `nodes`, before validation, with a name for those that have none; unchanged if it is not a list."""
    if not isinstance(nodes, list | tuple):
        return nodes
    return [
        {"name": f"node-{number}", **node} if isinstance(node, dict) else node for number, node in enumerate(nodes, 1)
    ]


def _collide(one: ListenSettings | ObserveSettings, other: ListenSettings) -> bool:
    ports = one.ports if isinstance(one, ListenSettings) else [one.port]
    if not set(ports) & set(other.ports) - {0}:
        return False
    hosts = {one.host, other.host}
    return len(hosts) == 1 or bool(hosts & {"0.0.0.0", "::"})  # noqa: S104


def repeated_names(names: Sequence[object]) -> dict[int, int]:
    """Map the position of each repeated name in `names` to the position of its first occurrence."""
    first: dict[object, int] = {}
    places = {place: first.setdefault(name, place) for place, name in enumerate(names) if isinstance(name, str)}
    return {place: earlier for place, earlier in places.items() if earlier != place}
