"""Everything that serves requests with one state of the configuration; a reload replaces it."""

import asyncio

from proxy.access.admission import InFlight, Rate
from proxy.config import ListenSettings, Settings
from proxy.eventloop.unsent_bytes import UnsentBytes
from proxy.http.compression import Compressor
from proxy.http.cors import CorsPolicy
from proxy.nodes import NodePool
from proxy.rpc.dispatch import Dispatcher
from proxy.rpc.endpoint import JsonRpcEndpoint
from proxy.rpc.gateway import ActiveCount, ListenerServices
from proxy.rpc.identify import ClientIdentifier
from proxy.rpc.response_cache import ResponseCache
from proxy.server.builders import (
    make_admission,
    make_connector,
    make_policy,
    make_shadow,
    make_shared_subscriptions,
    make_sunsets,
    make_translator,
    make_websocket,
)
from proxy.telemetry.client_usage import ClientUsage
from proxy.telemetry.logs import AccessLog
from proxy.telemetry.metrics import Metrics
from proxy.telemetry.recorder import RequestRecorder
from proxy.telemetry.tracing import Tracing
from proxy.versions.sunset import Clock, DeprecationNotices


class Generation:
    """The services of each listener, in the order of the settings, and what they share.

    `cache`, `clients`, `in_flight` and `unsent_bytes` hold state that outlives a reload.
    """

    def __init__(
        self,
        settings: Settings,
        nodes: NodePool,
        cache: ResponseCache,
        clients: ClientUsage,
        metrics: Metrics,
        clock: Clock,
        tracing: Tracing,
        in_flight: InFlight,
        unsent_bytes: UnsentBytes,
        compressor: Compressor,
    ) -> None:
        self.settings = settings
        self._nodes = nodes
        self._clients = clients
        self._clock = clock
        self._notices = DeprecationNotices(make_sunsets(settings))
        access_log = AccessLog(settings.logging.requests, settings.logging.sample)
        self._shadow = make_shadow(settings, metrics)
        self._recorder = RequestRecorder(metrics, access_log, clients, settings.versions.dry_run_refuse, tracing)
        if self._shadow is not None:
            self._recorder.add_observer(self._shadow.offer)
        self._translator = make_translator(settings)
        self._dispatcher = Dispatcher(
            nodes,
            self._translator,
            cache,
            metrics,
            in_flight.fair_share,
            tries=settings.health.tries,
            share=settings.cache.coalesce_reads,
        )
        self._connector = make_connector(settings)
        self._shared = make_shared_subscriptions(settings, self._connector, metrics)
        self._global_rate = Rate(settings.limits.global_requests_per_second, settings.limits.burst_seconds)
        self._in_flight = in_flight
        self._unsent_bytes = unsent_bytes
        self._compressor = compressor
        self._active = ActiveCount()
        self.listener_services = tuple(self._services_for(listen) for listen in settings.listeners)

    def _services_for(self, listen: ListenSettings) -> ListenerServices:
        settings = self.settings
        policy = make_policy(listen, settings, self._clock)
        return ListenerServices(
            identifier=ClientIdentifier(settings.guard.trusted_proxies, self._clients, f"{listen.host}:{listen.port}"),
            admission=make_admission(listen, settings, self._global_rate, self._in_flight),
            cors=CorsPolicy(settings.cors.origins, settings.cors.enforce),
            policy=policy,
            jsonrpc=JsonRpcEndpoint(self._dispatcher, self._recorder, policy.versions),
            websocket=make_websocket(
                settings,
                nodes=self._nodes,
                connector=self._connector,
                translator=self._translator,
                dispatcher=self._dispatcher,
                recorder=self._recorder,
                policy=policy,
                notices=self._notices,
                in_flight=self._in_flight,
                shared=self._shared,
                unsent_bytes=self._unsent_bytes,
            ),
            recorder=self._recorder,
            notices=self._notices,
            request_seconds=settings.timeouts.request,
            active=self._active,
            fair_share=self._in_flight.fair_share,
            compressor=self._compressor if listen.compression else None,
            unsent_bytes=self._unsent_bytes,
        )

    async def drain(self, seconds: float) -> None:
        """Close all sessions with 1001 (going away), and give their requests `seconds` to finish."""
        await asyncio.gather(*(services.websocket.drain(seconds) for services in self.listener_services))

    async def close_when_idle(self) -> None:
        """Close it when the last request and session that use it have ended; call it once it has been replaced."""
        await self._active.wait_idle()
        await self.close()

    async def close(self) -> None:
        """Close its connections to nodes and end the shadow comparison."""
        await self._dispatcher.close()
        await self._shared.close()
        if self._shadow is not None:
            await self._shadow.close()
