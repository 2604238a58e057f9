"""The parts that serve requests, each built from the settings."""

import ssl
from dataclasses import replace
from datetime import UTC, date, datetime, time
from urllib.parse import urlsplit

from proxy.access.admission import Admission, InFlight, Rate
from proxy.access.client_address import NetworkSet
from proxy.access.method_allow_list import MethodAllowList
from proxy.access.method_policy import MethodPolicy
from proxy.config import ListenSettings, NodeSettings, Settings
from proxy.envelope import RequestPolicy
from proxy.eventloop.unsent_bytes import UnsentBytes
from proxy.http.limits import ClientLimits
from proxy.nodes import Breaker, HealthRules, HttpNode, Node, NodeHealth, NodePool
from proxy.nodes.websocket import WebSocketConnector
from proxy.rpc.dispatch import Dispatcher
from proxy.rpc.shadow import Shadow, ShadowRules
from proxy.telemetry.client_usage import ClientUsage
from proxy.telemetry.metrics import Metrics
from proxy.telemetry.recorder import RequestRecorder
from proxy.telemetry.tracing import NO_TRACING, Tracing
from proxy.tls import fingerprint, node_tls
from proxy.versions.negotiation import VersionRange
from proxy.versions.sunset import Clock, DeprecationNotices, Sunset, SunsettingRange
from proxy.versions.translator import Translator
from proxy.websocket import (
    SHAREABLE_STREAMS,
    EndpointLimits,
    SessionLimits,
    SharedSubscriptions,
    SubscriptionLimits,
    WebSocketEndpoint,
)
from proxy.websocket.elsewhere import OtherNodes

_CONCURRENT_SUBREQUESTS = 8
"""Most concurrent node requests for one client request, such as those for the ledgers of a page of account_tx."""


def make_node(node: NodeSettings, settings: Settings, metrics: Metrics, tracing: Tracing) -> Node:
    """Build a node whose health checks have not been started."""
    timeouts, limits, health = settings.timeouts, settings.limits, settings.health
    tls = _node_tls(node, node.http, node.websocket)
    http = HttpNode(
        node.name,
        node.http,
        connect_timeout=timeouts.connect,
        answer_timeout=min(timeouts.node_answer, timeouts.request),
        idle_timeout=timeouts.node_idle,
        connections=limits.node_connections,
        answer_bytes=limits.answer_bytes,
        tls=tls,
        tracing=tracing,
        headers=node.headers if node.proxy_token is None else {**node.headers, "X-Proxy-Token": node.proxy_token},
        forwarded=node.forwarded,
    )
    http.add_observer(lambda method, _, seconds, __: metrics.node_called(node.name, method, seconds))
    node_health = NodeHealth(
        http,
        api_version=None if node.api_version == "auto" else node.api_version,
        newest=settings.versions.max,
        interval=timeouts.health_interval,
        timeout=health.timeout,
        rules=make_health_rules(settings),
        websocket_url=node.websocket,
        tls=tls,
        allow_admin=settings.guard.allow_admin_nodes,
        changed=metrics.node_up,
    )
    breaker = Breaker(
        failures=health.breaker_failures,
        window=health.breaker_window,
        pause=health.breaker_pause,
        longest_pause=health.breaker_longest_pause,
    )
    grpc = None
    if node.grpc is not None:
        from proxy.nodes.grpc import GrpcNode  # needs an optional library

        grpc = GrpcNode(node.name, node.grpc, answer_bytes=settings.grpc.answer_bytes)
    return Node(node.name, http, node.websocket, node_health, node.weight, tls, breaker, grpc)


def node_identity(node: NodeSettings, settings: Settings) -> tuple[object, ...]:
    """Everything that `make_node` reads, including the CA file: a reload keeps a node while this stays equal."""
    limits, versions = settings.limits, settings.versions
    return (
        node,
        None if node.tls.ca is None else fingerprint([node.tls.ca]),
        settings.timeouts,
        settings.health,
        settings.guard.allow_admin_nodes,
        limits.node_connections,
        limits.answer_bytes,
        versions.max,
        settings.grpc.answer_bytes,
    )


def _node_tls(node: NodeSettings, *urls: str | None) -> ssl.SSLContext | None:
    """The TLS context for the node's URLs; None if none of them uses TLS."""
    secure = any(urlsplit(url).scheme in ("https", "wss") for url in urls if url is not None)
    return node_tls(node.tls.ca, node.tls.verify) if secure else None


def make_shadow(settings: Settings, metrics: Metrics) -> Shadow | None:
    """The comparison of results with those of another node; None if `shadow.node` is not set."""
    shadow, timeouts = settings.shadow, settings.timeouts
    if shadow.node is None:
        return None
    named = next((node for node in settings.nodes if node.name == shadow.node), None)
    url = shadow.node if named is None else named.http
    tls = None if named is None else _node_tls(named, url)
    node = HttpNode(
        "shadow" if named is None else named.name,
        url,
        connect_timeout=timeouts.connect,
        answer_timeout=shadow.timeout,
        idle_timeout=timeouts.node_idle,
        connections=shadow.concurrency,
        answer_bytes=settings.limits.answer_bytes,
        tls=tls,
        headers={} if named is None else named.headers,
    )
    rules = ShadowRules(
        sample=shadow.sample,
        ignore=frozenset(shadow.ignore),
        seconds=shadow.timeout,
        concurrency=shadow.concurrency,
        queue=shadow.queue,
        answer_bytes=shadow.answer_bytes,
    )
    return Shadow(node, rules, metrics)


def make_health_rules(settings: Settings) -> HealthRules:
    """The conditions for a node to be in rotation."""
    health = settings.health
    return HealthRules(
        failures=health.failures,
        successes=health.successes,
        max_validated_age=health.max_validated_age,
        max_lag=health.max_lag,
        states=frozenset(health.states),
        network_id=None if settings.network_id == "auto" else settings.network_id,
    )


def make_policy(listen: ListenSettings, settings: Settings, clock: Clock) -> RequestPolicy:
    """The request policy of one listener."""
    guard, limits, versions = settings.guard, settings.limits, settings.versions
    method_policy = MethodPolicy(
        allow_admin_methods=frozenset(guard.allow_admin_methods),
        allow_admin_credentials=guard.allow_admin_credentials,
        allow_subscribe_url=guard.allow_subscribe_url,
        node_may_trust_us_as_admin=guard.allow_admin_nodes,
    )
    offered = VersionRange(listen.versions.min or versions.min, listen.versions.max or versions.max)
    sunsets = make_sunsets(settings)
    return RequestPolicy(
        versions=SunsettingRange(offered, sunsets, clock) if any(sunset.refused for sunset in sunsets) else offered,
        guard=MethodAllowList.of(method_policy, frozenset(listen.methods)) if listen.methods else method_policy,
        default_version=listen.default_version,
        depth=limits.depth,
        elements=limits.request_elements,
        request_bytes=limits.request_bytes,
        batch_items=limits.batch_items,
    )


def make_sunsets(settings: Settings) -> list[Sunset]:
    """The versions that have a sunset date."""
    return [
        Sunset(
            version=sunset.version,
            sunset_at=_midnight_utc(sunset.date),
            deprecated=None if sunset.deprecated is None else _midnight_utc(sunset.deprecated),
            link=sunset.link,
            refused=sunset.refuse,
        )
        for sunset in settings.versions.sunset
    ]


def make_supported_versions(settings: Settings, clock: Clock) -> SunsettingRange:
    """The versions that listeners offer by default."""
    return SunsettingRange(VersionRange(settings.versions.min, settings.versions.max), make_sunsets(settings), clock)


def _midnight_utc(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()


def make_tracing(settings: Settings, version: str) -> Tracing:
    """The tracer; `version` is the proxy's."""
    if settings.tracing.endpoint is None:
        return NO_TRACING
    from proxy.telemetry.otel import OpenTelemetry  # needs an optional library

    return OpenTelemetry(settings.tracing.endpoint, settings.tracing.sample, version)


def make_callers(settings: Settings, clock: Clock) -> ClientUsage:
    """The record of which clients used which version."""
    clients = settings.clients
    return ClientUsage(clients.keep, clients.hours, clients.callers, settings.guard.trusted_proxies, clock)


def build_client_limits(listen: ListenSettings, settings: Settings) -> ClientLimits:
    """The time and connection limits of one listener's clients."""
    timeouts, limits, own = settings.timeouts, settings.limits, listen.connections_per_address
    return ClientLimits(
        head=timeouts.request_head,
        body=timeouts.request_body,
        write=timeouts.client_write,
        idle=timeouts.idle_client,
        min_rate=limits.min_bytes_per_second,
        connections=limits.connections,
        connections_per_address=limits.connections_per_address if own is None else own,
        # The clients behind a trusted proxy share its address; their requests are counted by the address it reports.
        exempt=NetworkSet((*limits.exempt, *settings.guard.trusted_proxies)),
    )


def make_admission(listen: ListenSettings, settings: Settings, global_rate: Rate, in_flight: InFlight) -> Admission:
    """The rate and concurrency limits of one listener; `global_rate` and `in_flight` are shared by all listeners."""
    limits, own = settings.limits, listen.requests_per_second
    return Admission(
        rate=Rate(limits.requests_per_second if own is None else own, limits.burst_seconds),
        global_rate=global_rate,
        in_flight=in_flight,
        max_in_flight=limits.in_flight,
        max_in_flight_per_address=limits.in_flight_per_address,
        max_request_bytes=limits.total_request_bytes,
        exempt=NetworkSet(limits.exempt),
    )


def make_translator(settings: Settings) -> Translator:
    """The translator, which runs the adapters."""
    limits = settings.limits
    return Translator(
        max_subrequests=limits.max_subrequests,
        max_subrequest_bytes=limits.max_subrequest_bytes,
        cache_size=limits.remembered_ledgers,
        concurrency=_CONCURRENT_SUBREQUESTS,
    )


def make_connector(settings: Settings) -> WebSocketConnector:
    """The connector of sessions to nodes."""
    return WebSocketConnector(
        connect_timeout=settings.timeouts.connect,
        ping_interval=settings.websocket.ping_interval,
        message_bytes=settings.websocket.answer_bytes,
    )


def make_shared_subscriptions(
    settings: Settings, connector: WebSocketConnector, metrics: Metrics
) -> SharedSubscriptions:
    """The node subscriptions that all sessions share."""
    streams = SHAREABLE_STREAMS if settings.websocket.share_subscriptions else frozenset[str]()
    return SharedSubscriptions(streams, connector, settings.timeouts.node_answer, metrics)


def make_websocket(
    settings: Settings,
    *,
    nodes: NodePool,
    connector: WebSocketConnector,
    translator: Translator,
    dispatcher: Dispatcher,
    recorder: RequestRecorder,
    policy: RequestPolicy,
    notices: DeprecationNotices,
    in_flight: InFlight,
    shared: SharedSubscriptions,
    unsent_bytes: UnsentBytes,
) -> WebSocketEndpoint:
    """The WebSocket endpoint of one listener."""
    websocket = settings.websocket
    return WebSocketEndpoint(
        policy=replace(policy, request_bytes=websocket.message_bytes),
        nodes=nodes,
        connector=connector,
        translator=translator,
        recorder=recorder,
        limits=EndpointLimits(
            sessions=websocket.sessions,
            sessions_per_address=websocket.sessions_per_address,
            message_bytes=websocket.message_bytes,
            ping_interval=websocket.ping_interval,
            compression=websocket.compression,
        ),
        session_limits=SessionLimits(
            request_seconds=settings.timeouts.request,
            node_seconds=settings.timeouts.node_answer,
            in_flight=websocket.in_flight,
            queue_bytes=websocket.queue_bytes,
            reconnect_seconds=settings.timeouts.reconnect if websocket.reconnect else 0,
            subscriptions=SubscriptionLimits(websocket.subscription_bytes, websocket.subscription_bytes_per_address),
        ),
        notices=notices,
        in_flight=in_flight,
        shared=shared,
        other_nodes=OtherNodes(nodes, dispatcher),
        large=dispatcher.large,
        unsent_bytes=unsent_bytes,
    )
