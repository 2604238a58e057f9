"""A node's health and API version: probed at intervals, and when a client's request gives a reason to."""

import asyncio
import random
import ssl
from collections.abc import Callable
from dataclasses import replace

import orjson
import structlog

from adapters import MISSHAPEN, JsonObject
from proxy.nodes.admin import admin_problem, is_clio_admins, takes_for_admin, takes_for_admin_by_websocket
from proxy.nodes.http import HttpNode, NodeFailure
from proxy.nodes.own_requests import describe_invalid, error_of, refuses_as_overloaded, refuses_version, result_of
from proxy.nodes.response import NodeResponse
from proxy.nodes.status import OVERLOAD_ERRORS, HealthRules, NodeStatus, with_server_info
from proxy.nodes.version import choose_version
from proxy.versions.own import read_in_own_version

log = structlog.get_logger(__name__)

_SHORTEST = 0.2
"""Least seconds between two probes, however many requests fail."""
_FAST_PROBE = 1.0
"""Most seconds until the next probe while the node is between up and down."""


class _Unusable(Exception):
    """The node's response makes it unusable immediately. The text says why."""


class _Overloaded(Exception):
    """The node is up, but too busy to report its state."""


class NodeHealth:
    """Probes a node every `interval` seconds, plus or minus a fifth, and watches the outcomes of clients' requests.

    A node is up when it reports its state, or responds with an error, and down after `rules.failures` consecutive
    failed probes or connections. A client's request that was slow, lost or got an invalid response only causes an
    immediate probe; otherwise one request that a node cannot handle would take the node from all clients. A node that
    was down is up again after `rules.successes` consecutive responses. One that refuses a probe because it is
    overloaded stays as it was last known.

    Whenever it comes up, or was restarted, it is first checked whether it treats the proxy as an administrator, over
    HTTP and, if it has a `websocket_url`, over WebSocket. If so, it stays down, unless `allow_admin`.

    `api_version`: the version to use, or None to detect it with `version` at each probe: the lowest that it has from
    `newest` on, or its highest below. `timeout`: seconds for one request. `tls`: for the WebSocket address.
    `changed`: called with the node's name and whether it is up, at the start and when that changes.
    """

    def __init__(
        self,
        node: HttpNode,
        *,
        api_version: int | None,
        newest: int,
        interval: float,
        timeout: float,
        rules: HealthRules | None = None,
        websocket_url: str | None = None,
        tls: ssl.SSLContext | None = None,
        allow_admin: bool = False,
        changed: Callable[[str, bool], None] | None = None,
    ) -> None:
        self.status = NodeStatus(node.name, api_version=api_version, problem="not probed yet")
        self._node = node
        self._auto = api_version is None
        self._newest = newest
        self._interval = interval
        self._timeout = timeout
        self._rules = rules or HealthRules()
        self._websocket_url = websocket_url
        self._tls = tls
        self._allow_admin = allow_admin
        self._changed = changed
        self._watchers: list[Callable[[], None]] = []
        self._first = asyncio.Event()
        self._probed = asyncio.Event()
        self._probe_requested = asyncio.Event()
        self._was_up = False
        self._failures = self._successes = 0  # consecutive ones
        self._task: asyncio.Task[None] | None = None
        node.add_observer(self._on_request_done)

    @property
    def up(self) -> bool:
        """Whether the node responds and can be used."""
        return self.status.up

    @property
    def api_version(self) -> int | None:
        """The API version used with the node; None while it is not known."""
        return self.status.api_version

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` whenever `status` may have changed."""
        self._watchers.append(watcher)

    def start(self) -> None:
        """Start probing, until `close`."""
        self._report_up()
        self._task = asyncio.create_task(self._run(), name=f"health of node {self.status.name}")

    async def wait_probed(self, seconds: float) -> bool:
        """Wait at most `seconds` for the outcome of the first probe; return whether the node is up."""
        try:
            async with asyncio.timeout(seconds):
                await self._first.wait()
        except TimeoutError:
            pass
        return self.up

    def request_probe(self) -> None:
        """Request a probe soon, because of an invalid response."""
        self._probe_requested.set()

    async def probe_now(self, until: float) -> None:
        """Request a probe immediately; wait for the outcome, until the event loop's time `until` at most."""
        self._probe_requested.set()
        try:
            async with asyncio.timeout_at(until):
                await self._probed.wait()
        except TimeoutError:
            pass

    async def close(self) -> None:
        """Stop probing and reporting."""
        self._changed = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while True:
            await self._probe()
            self._first.set()
            self._probe_requested.clear()
            probed, self._probed = self._probed, asyncio.Event()
            probed.set()
            await asyncio.sleep(min(_SHORTEST, self._interval / 5))
            undecided = self._failures > 0 if self.up else self._successes > 0
            seconds = min(self._interval, _FAST_PROBE) if undecided else self._interval
            try:
                async with asyncio.timeout(seconds * random.uniform(0.8, 1.2)):  # noqa: S311 - no secret
                    await self._probe_requested.wait()
            except TimeoutError:
                pass

    async def _probe(self) -> None:
        try:
            status, error = await self._report()
        except NodeFailure as failure:
            self._count_failure(f"{failure.kind}: {failure.detail}" if failure.detail else failure.kind)
        except _Overloaded:
            self._failures = 0
            self.status = replace(self.status, last_answer=asyncio.get_running_loop().time())
            self._set_overloaded(True)
        except _Unusable as unusable:
            self._failures += 1
            self._set_down(str(unusable))
        else:
            self._count_success(status, error)
            self._set_overloaded(error in OVERLOAD_ERRORS)
        self._notify_watchers()

    async def _report(self) -> tuple[NodeStatus, str | None]:
        """The node's status, and the error in its response. Raises NodeFailure, _Unusable and _Overloaded."""
        api_version = await self._version()
        answer = await self._ask("server_info", api_version)
        result = await self._in_own_version("server_info", result_of(answer), api_version)
        if self.up and refuses_as_overloaded(answer):
            raise _Overloaded
        if result is None or not (isinstance(result.get("info"), dict) or error_of(result) is not None):
            if self.up and not refuses_version(answer):
                raise NodeFailure("invalid_response", self.status.name, detail=describe_invalid(answer, api_version))
            raise _Unusable(describe_invalid(answer, api_version))
        now = asyncio.get_running_loop().time()
        status = with_server_info(replace(self.status, api_version=api_version, last_answer=now), result, now)
        self._node.learn_software(status.server.software)
        if not self._allow_admin and is_clio_admins(result):
            raise _Unusable(admin_problem("HTTP"))
        began_anew = not self.up or (status.uptime or 0) < (self.status.uptime or 0)
        if began_anew or self.status.websocket_problem is not None:
            status = replace(status, websocket_problem=await self._find_admin(api_version))
        return status, error_of(result)

    async def _version(self) -> int:
        known = self.api_version
        if not self._auto and known is not None:
            return known
        chosen, problem = choose_version(await self._ask("version", 2), self._newest)
        if chosen is None and known is not None and self.up:
            return known  # too busy to report it; `server_info` shows whether the version still works
        if chosen is None:
            raise _Unusable(problem)
        return chosen

    async def _find_admin(self, api_version: int) -> str | None:
        """Why the node gets no WebSocket sessions, or None. Raises NodeFailure and _Unusable."""
        ping = await self._in_own_version("ping", result_of(await self._ask("ping", api_version)), api_version)
        if not self._allow_admin and takes_for_admin(ping or {}):
            raise _Unusable(admin_problem("HTTP"))
        if self._websocket_url is None:
            return None
        try:
            is_admin = await takes_for_admin_by_websocket(
                self.status.name,
                self._websocket_url,
                api_version=api_version,
                tls=self._tls,
                headers=self._node.headers,
                forwarded=self._node.forwarded,
                seconds=self._timeout,
            )
        except NodeFailure as failure:
            return failure.kind
        if is_admin and not self._allow_admin:
            raise _Unusable(admin_problem("WebSocket"))
        return None

    async def _in_own_version(self, method: str, result: JsonObject | None, api_version: int) -> JsonObject | None:
        """The result of a request without parameters, in `OWN_VERSION`; None if it is invalid."""
        conversation = read_in_own_version(method, api_version, self.status.server)
        if result is None or conversation is None:
            return result
        try:
            next(conversation)
            while True:
                request = conversation.send(result or {})
                result = result_of(await self._ask(request.method, api_version, request.params))
        except StopIteration as stop:
            converted: JsonObject = stop.value
            return converted
        except MISSHAPEN:
            return None

    async def _ask(self, method: str, api_version: int, params: JsonObject | None = None) -> NodeResponse:
        body = orjson.dumps({"method": method, "params": [{**(params or {}), "api_version": api_version}]})
        deadline = asyncio.get_running_loop().time() + self._timeout
        return await self._node.ask(body, client=None, method=method, reads_only=True, deadline=deadline)

    def _on_request_done(
        self, method: str, for_client: bool, seconds: float, outcome: NodeResponse | NodeFailure
    ) -> None:
        """Evaluate the outcome of a client's request."""
        if not for_client:
            return
        is_usual = False
        if isinstance(outcome, NodeResponse):
            if self.status.overloaded:
                return  # it is known to be busy: more probes would add to that
            is_usual = outcome.status < 500 and outcome.content_type.startswith("application/json")
        if is_usual == self.status.up:
            return
        if isinstance(outcome, NodeFailure) and outcome.kind == "refused":
            self._count_failure(outcome.kind)
            self._notify_watchers()
        self._probe_requested.set()  # the probe decides

    def _count_success(self, status: NodeStatus, error: str | None) -> None:
        self._failures = 0
        self._successes += 1
        up = self.up or not self._was_up or self._successes >= self._rules.successes
        changed = up != self.up
        if status.api_version != self.api_version and self._was_up:
            log.info("node_version_changed", node=status.name, was=self.api_version, api_version=status.api_version)
        if status.server != self.status.server and self._was_up:
            log.info("node_software_changed", node=status.name, was=self.status.server.text, now=status.server.text)
        self.status = replace(status, up=up, problem=error if up else self.status.problem)
        if changed:
            self._was_up = True
            log.info("node_up", node=self.status.name, api_version=self.api_version)
            self._report_up()

    def _count_failure(self, problem: str) -> None:
        self._successes = 0
        self._failures += 1
        if not self.up or self._failures >= self._rules.failures:
            self._set_down(problem)

    def _set_overloaded(self, overloaded: bool) -> None:
        if overloaded and not self.status.overloaded:
            log.warning("node_overloaded", node=self.status.name)
        self.status = replace(self.status, overloaded=overloaded)

    def _set_down(self, problem: str) -> None:
        was_up, had_problem = self.status.up, self.status.problem
        self._successes = 0
        self.status = replace(self.status, up=False, overloaded=False, problem=problem)
        if was_up or had_problem != problem:
            log.warning("node_down", node=self.status.name, problem=problem)
        if was_up:
            self._report_up()

    def _report_up(self) -> None:
        if self._changed is not None:
            self._changed(self.status.name, self.status.up)

    def _notify_watchers(self) -> None:
        for watcher in self._watchers:
            watcher()
