"""The settings: every key of the configuration, its kind, its default and what it is for."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError, ValidationInfo, ValidatorFunctionWrapHandler, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from proxy.config import grpc
from proxy.config.grpc import GrpcSettings
from proxy.config.limits import LimitSettings, TimeoutSettings
from proxy.config.listeners import CorsSettings, ListenSettings
from proxy.config.observability import ClientsSettings, LoggingSettings, ObserveSettings, TracingSettings
from proxy.config.section import Section as _Section
from proxy.config.shadow import ShadowSettings
from proxy.config.types import (
    AdminMethod,
    AllowedText,
    Bytes,
    BytesOrZero,
    CertificateFile,
    Count,
    Flag,
    HostAndPort,
    HttpUrl,
    Network,
    NetworkId,
    NodeApiVersion,
    NodeName,
    Seconds,
    ServerState,
    WebSocketUrl,
    Weight,
    Workers,
)
from proxy.config.versions import VersionSettings


class NodeTlsSettings(_Section):
    """How a node at an https:// or wss:// address proves who it is."""

    ca: Annotated[
        CertificateFile | None, AllowedText("the path of a file of CA certificates in PEM, which can be read")
    ] = Field(None, description="file of the CA certificates that vouch for the node; null means those of the system")
    verify: Flag = Field(
        True, description="whether its certificate is checked; unchecked, whoever is on the way can be the node"
    )


class NodeSettings(_Section):
    """One node that answers."""

    name: NodeName = Field(description="what logs and metrics call the node; no two share a name")
    http: HttpUrl = Field(description="URL of its JSON-RPC port")
    websocket: Annotated[
        WebSocketUrl | None,
        AllowedText("a ws:// or wss:// URL without user, password and fragment, such as ws://127.0.0.1:6006"),
    ] = Field(None, description="URL of its WebSocket port; where no node has one, WebSocket clients are refused")
    api_version: NodeApiVersion = Field(
        "auto", description="the one API version it is spoken to in; auto asks the node, and takes its highest"
    )
    grpc: Annotated[
        HostAndPort | None, AllowedText("a host and a port, such as 127.0.0.1:50051 or [::1]:50051, or null")
    ] = Field(None, description="its gRPC port, which rippled has without TLS; null means that it has none")
    weight: Weight = Field(1, description="its share of the requests, against the other nodes' weights")
    tls: NodeTlsSettings = Field(NodeTlsSettings(), description="how it proves who it is, at https:// and wss://")

    @field_validator("grpc")
    @classmethod
    def _can_be(cls, value: str | None) -> str | None:
        if value is not None and not grpc.is_installed():
            raise grpc.MISSING
        return value


class HealthSettings(_Section):
    """Which nodes are given work, and what becomes of work that a node fails at."""

    timeout: Seconds = Field(5, description="seconds for a node to answer how it is")
    failures: Count = Field(2, description="failures one after the other until a node is down")
    successes: Count = Field(2, description="answers one after the other until a node that was down is up again")
    max_validated_age: Seconds = Field(
        120, description="seconds since the node's last validated ledger; rippled itself refuses work after 120"
    )
    max_lag: Count = Field(10, description="validated ledgers that a node may be behind the best of the nodes")
    states: Annotated[tuple[ServerState, ...], AllowedText("a list of server states, such as [full, proposing]")] = (
        Field(
            ("full", "proposing", "validating"),
            description="server states in which a node is given work, [] for any; a Clio tells none",
        )
    )
    tries: Count = Field(3, description="nodes that one read is tried on, within the request's time")
    breaker_failures: Count = Field(
        10, description="failed requests within breaker_window, if half of all, until a node is given a pause"
    )
    breaker_window: Seconds = Field(10, description="seconds that failed requests are counted for")
    breaker_pause: Seconds = Field(1, description="seconds of the first pause; each further one is twice as long")
    breaker_longest_pause: Seconds = Field(60, description="seconds of the longest pause")


class CacheSettings(_Section):
    """Answers that are given without asking a node for each."""

    bytes: BytesOrZero = Field(
        0, description="for answers that never change: validated tx, and ledger by hash or number; 0 keeps none"
    )
    coalesce_reads: Flag = Field(
        False, description="equal reads under way at once share one question; the first client is charged for it"
    )


class GuardSettings(_Section):
    """What strangers may do. The defaults are those of a public rippled."""

    allow_admin_methods: Annotated[
        tuple[AdminMethod, ...], AllowedText("a list of admin methods, such as [peers, validators]")
    ] = Field((), description="admin methods that are let through to the node, for every client")
    allow_admin_credentials: Flag = Field(
        False, description="let requests with admin_user or admin_password through to the node"
    )
    allow_admin_nodes: Flag = Field(
        False, description="use nodes that take the proxy, and so everybody, for an administrator"
    )
    allow_subscribe_url: Flag = Field(False, description="let subscribe with url through: the node posts to that URL")
    trusted_proxies: Annotated[
        tuple[Network, ...], AllowedText("a list of IP networks, such as [10.0.0.0/8, fd00::/8]")
    ] = Field((), description="networks of the proxies before this one, whose X-Forwarded-For or Forwarded is believed")


class WebSocketSettings(_Section):
    """Clients' WebSocket sessions, each with its own connection to a node."""

    message_bytes: Bytes = Field(1_000_000, description="bytes of one message taken from a client")
    answer_bytes: Bytes = Field(67_108_864, description="bytes of one message taken from a node")
    queue_bytes: Bytes = Field(16_777_216, description="bytes waiting for one slow client before it is closed")
    in_flight: Count = Field(1000, description="requests under way at once in one session")
    sessions: Count = Field(10_000, description="sessions in all")
    sessions_per_address: Count = Field(100, description="sessions from one client address")
    ping_interval: Seconds = Field(
        20, description="seconds of silence until a peer, client or node, is pinged; after half as many more it is gone"
    )
    compression: Flag = Field(True, description="offer permessage-deflate to clients")
    share_subscriptions: Flag = Field(
        True, description="subscribe to streams that are the same for everyone once for all sessions at a node"
    )
    reconnect: Flag = Field(
        False, description="when a node is lost, go to a node and subscribe again, rather than close the session"
    )


class Settings(_Section):
    """The whole configuration."""

    versions: VersionSettings = Field(VersionSettings(), description="API versions that clients may ask for")
    listen: Annotated[
        ListenSettings | tuple[ListenSettings, ...],
        AllowedText(f"a mapping with the keys {', '.join(ListenSettings.model_fields)}, or a list of 1 to 20 of them"),
    ] = Field(ListenSettings(), description="where clients connect: one listener, or a list of several")
    workers: Workers = Field(1, description="processes that share the ports; limits hold in each of them")
    observe: ObserveSettings = Field(ObserveSettings(), description="where operators look")
    cors: CorsSettings = Field(CorsSettings(), description="which web pages may use the proxy from a browser")
    nodes: Annotated[
        tuple[NodeSettings, ...],
        AllowedText("a list of 1 to 100 nodes, each with the keys name and http, and maybe others"),
    ] = Field(description="the nodes that answer")
    network_id: NetworkId = Field(
        "auto", description="the network that every node has to be on; auto is that of the first healthy node"
    )
    timeouts: TimeoutSettings = Field(TimeoutSettings(), description="how long is waited, in seconds")
    health: HealthSettings = Field(HealthSettings(), description="which nodes are given work")
    cache: CacheSettings = Field(CacheSettings(), description="answers given without asking a node for each")
    limits: LimitSettings = Field(LimitSettings(), description="how much is taken, over HTTP and from nodes")
    guard: GuardSettings = Field(GuardSettings(), description="what strangers may do")
    websocket: WebSocketSettings = Field(WebSocketSettings(), description="clients' WebSocket sessions")
    grpc: GrpcSettings = Field(GrpcSettings(), description="calls by gRPC, which are passed through")
    shadow: ShadowSettings = Field(ShadowSettings(), description="answers compared with a node's own, once given")
    clients: ClientsSettings = Field(ClientsSettings(), description="which callers are remembered, for /clients")
    tracing: TracingSettings = Field(TracingSettings(), description="where traces are sent")
    logging: LoggingSettings = Field(LoggingSettings(), description="what is logged")

    @property
    def listeners(self) -> tuple[ListenSettings, ...]:
        """Where clients connect, as a list whichever way it was written."""
        return (self.listen,) if isinstance(self.listen, ListenSettings) else self.listen

    @field_validator("listen", mode="wrap")
    @classmethod
    def _one_or_several(
        cls, value: object, _: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> ListenSettings | tuple[ListenSettings, ...]:
        listen: ListenSettings | tuple[ListenSettings, ...]
        several = isinstance(value, list | tuple)
        listen = _SEVERAL.validate_python(value) if several else ListenSettings.model_validate(value)
        listeners = (listen,) if isinstance(listen, ListenSettings) else listen
        if not 1 <= len(listeners) <= 20:
            raise PydanticCustomError("count", "not that many")
        versions = info.data.get("versions")
        faults = [
            InitErrorDetails(
                type=PydanticCustomError("listener", "{words}", {"words": words}),
                loc=(place, *path) if several else path,
                input=wrong,
            )
            for place, listener in enumerate(listeners)
            for path, wrong, words in _conflicts(listener, listeners[:place], versions)
        ]
        if faults:
            raise ValidationError.from_exception_data("listen", faults)
        return listen

    @field_validator("workers")
    @classmethod
    def _share_known_ports(cls, value: int, info: ValidationInfo) -> int:
        listen = info.data.get("listen", ())
        if value > 1 and any(0 in each.ports for each in ((listen,) if isinstance(listen, ListenSettings) else listen)):
            raise PydanticCustomError("shared_port", "1, for several cannot share a port 0 in listen")
        return value

    @field_validator("observe")
    @classmethod
    def _not_where_clients_are(cls, value: ObserveSettings, info: ValidationInfo) -> ObserveSettings:
        listen = info.data.get("listen", ())
        for place, listener in enumerate((listen,) if isinstance(listen, ListenSettings) else listen):
            if _collide(value, listener):
                key = "listen.port" if isinstance(listen, ListenSettings) else f"listen[{place}].port"
                context = {"key": "port", "value": value.port, "other": key}
                raise PydanticCustomError("same_port", "another port than {other}", context)
        return value

    @field_validator("nodes")
    @classmethod
    def _some_and_all_different(cls, value: tuple[NodeSettings, ...]) -> tuple[NodeSettings, ...]:
        if not 1 <= len(value) <= 100:
            raise PydanticCustomError("count", "not that many")
        if repeated_names([node.name for node in value]):
            raise PydanticCustomError(NAME_REPEATED, "nodes with a name of its own each")
        return value

    @field_validator("shadow")
    @classmethod
    def _names_a_node(cls, value: ShadowSettings, info: ValidationInfo) -> ShadowSettings:
        names = [node.name for node in info.data.get("nodes", ())]
        if value.node is not None and names and "://" not in value.node and value.node not in names:
            words = "a name in nodes, {names}, or an http:// or https:// URL"
            context = {"key": "node", "value": value.node, "names": ", ".join(names)[:200]}
            raise PydanticCustomError("shadow", words, context)
        return value


NAME_REPEATED = "name_repeated"

_SEVERAL = TypeAdapter(tuple[ListenSettings, ...])


def _conflicts(
    listener: ListenSettings, earlier: Sequence[ListenSettings], versions: VersionSettings | None
) -> Iterator[tuple[tuple[str, ...], object, str]]:
    """What of *listener* does not go with the other settings: the way to it, its value, and what is allowed."""
    if any(_collide(listener, other) for other in earlier):
        yield ("port",), listener.port, "a port of its own, and an earlier listener has this one"
    if versions is None:  # faulty by itself
        return
    own = listener.versions
    lowest, highest = own.min or versions.min, own.max or versions.max
    going = max((sunset.version for sunset in versions.sunset if sunset.refuse), default=0)
    if not versions.min <= lowest <= versions.max:
        yield ("versions", "min"), own.min, f"an API version within versions, {versions.min} to {versions.max}"
    elif not lowest <= highest <= versions.max:
        yield ("versions", "max"), own.max, f"an API version within versions, {lowest} to {versions.max}"
    elif highest <= going:
        yield ("versions", "max"), own.max, f"more than {going}, which versions.sunset refuses: none would be left here"
    elif "default_version" in listener.model_fields_set and not lowest <= listener.default_version <= highest:
        words = f"an API version that is offered here, {lowest} to {highest}"
        yield ("default_version",), listener.default_version, words


def _collide(one: ListenSettings | ObserveSettings, other: ListenSettings) -> bool:
    ports = one.ports if isinstance(one, ListenSettings) else [one.port]
    if not set(ports) & set(other.ports) - {0}:
        return False
    hosts = {one.host, other.host}
    return len(hosts) == 1 or bool(hosts & {"0.0.0.0", "::"})  # noqa: S104


def repeated_names(names: Sequence[object]) -> dict[int, int]:
    """Say which of *names* stood earlier: the position of each such name, and that of the first with its name."""
    first: dict[object, int] = {}
    places = {place: first.setdefault(name, place) for place, name in enumerate(names) if isinstance(name, str)}
    return {place: earlier for place, earlier in places.items() if earlier != place}
