"""What one reading of the configuration amounts to; a reload puts another in its place."""

import asyncio

from proxy.access.admission import InFlight, Rate
from proxy.config import ListenSettings, Settings
from proxy.eventloop.unsent_bytes import UnsentBytes
from proxy.http.cors import CorsPolicy
from proxy.nodes import NodePool
from proxy.rpc.endpoint import JsonRpcEndpoint
from proxy.rpc.gateway import ActiveCount, ListenerServices
from proxy.rpc.response_cache import ResponseCache
from proxy.server.builders import (
    make_admission,
    make_answering,
    make_dialer,
    make_policy,
    make_shadow,
    make_shared_links,
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
    """A door for each listener of the settings, in their order, and what is behind them.

    `kept`, `callers`, `under_way`: the answers kept, the callers remembered and what is under way so far, all of which
    outlive a reload.
    """

    def __init__(
        self,
        settings: Settings,
        nodes: NodePool,
        kept: ResponseCache,
        callers: ClientUsage,
        metrics: Metrics,
        clock: Clock,
        tracing: Tracing,
        under_way: InFlight,
        unsent_bytes: UnsentBytes,
    ) -> None:
        self.settings = settings
        self._nodes = nodes
        self._clock = clock
        self._notices = DeprecationNotices(make_sunsets(settings))
        access_log = AccessLog(settings.logging.requests, settings.logging.sample)
        self._shadow = make_shadow(settings, metrics)
        self._account = RequestRecorder(
            metrics, access_log, callers, settings.versions.dry_run_refuse, tracing, self._shadow
        )
        self._translator = make_translator(settings)
        self._answering = make_answering(nodes, self._translator, kept, settings, metrics)
        self._dialer = make_dialer(settings)
        self._shared = make_shared_links(settings, self._dialer, metrics)
        self._in_all = Rate(settings.limits.global_requests_per_second, settings.limits.burst_seconds)
        self._under_way = under_way
        self._unsent_bytes = unsent_bytes
        self._users = ActiveCount()
        self.listener_services = tuple(self._door(listen) for listen in settings.listeners)

    def _door(self, listen: ListenSettings) -> ListenerServices:
        settings = self.settings
        policy = make_policy(listen, settings, self._clock)
        return ListenerServices(
            jsonrpc=JsonRpcEndpoint(
                policy=policy,
                answering=self._answering,
                account=self._account,
                request_seconds=settings.timeouts.request,
                in_flight=settings.limits.in_flight,
                under_way=self._under_way,
                notices=self._notices,
            ),
            websocket=make_websocket(
                settings,
                nodes=self._nodes,
                dialer=self._dialer,
                translator=self._translator,
                account=self._account,
                policy=policy,
                notices=self._notices,
                under_way=self._under_way,
                shared=self._shared,
            ),
            admission=make_admission(listen, settings, self._in_all),
            origins=CorsPolicy(settings.cors.origins, settings.cors.enforce),
            account=self._account,
            trusted_proxies=settings.guard.trusted_proxies,
            request_bytes=policy.request_bytes,
            users=self._users,
        )

    async def drain(self, seconds: float) -> None:
        """Tells all sessions to go (1001), and gives them `seconds`."""
        await asyncio.gather(*(door.websocket.drain(seconds) for door in self.listener_services))

    async def close_when_idle(self) -> None:
        """Waits until no request and no session uses it any more, and closes it: when another is in its place."""
        await self._users.wait_idle()
        await self.close()

    async def close(self) -> None:
        """Closes the sessions' connections to nodes, and compares no more."""
        await self._shared.close()
        await self._dialer.close()
        if self._shadow is not None:
            await self._shadow.close()
