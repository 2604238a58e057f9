"""A live node, with a limited rate of requests, and pauses when it is too busy."""

import asyncio

from adapters import JsonObject, NodeRequest
from proxy.commands.api_client import Answer, ApiClient, NoAnswer, TextAnswer
from proxy.versions.translator import NodeAnswer

_BUSY = ("slowDown", "tooBusy", "overloaded")
_BUSY_PAUSES = (1.0, 3.0, 9.0)
"""Seconds to wait after each response that says that the node is too busy."""
_REFUSALS = ("forbidden", "noPermission", "replayMiss")
_LOST_AFTER = 3


class NotAsked(Exception):
    """The node has no comparable response to this request. The text says why."""


class NodeLost(Exception):
    """The node does not respond any more. The text says in what way."""


class _Pace:
    """At most `rate` requests a second."""

    def __init__(self, rate: float) -> None:
        self._interval = 1 / rate
        self._next = 0.0

    async def wait(self) -> None:
        """Wait until the rate allows another request."""
        now = asyncio.get_running_loop().time()
        begins = max(self._next, now)
        self._next = begins + self._interval
        await asyncio.sleep(begins - now)


class RateLimitedNode:
    """Makes requests, one after the other, at most `rate` a second.

    The responses of one comparison are cached until `forget`, so that all of it sees the same ledger.
    """

    def __init__(self, server: ApiClient, rate: float) -> None:
        self.transport = "WebSocket" if server.websocket else "HTTP"
        self.asked = 0
        self._server = server
        self._pace = _Pace(rate)
        self._failures = 0
        self._cached: dict[tuple[int, str, str], Answer] = {}

    @classmethod
    def at_pace_of(cls, other: "RateLimitedNode", server: ApiClient) -> "RateLimitedNode":
        """The same node over another transport: the rate is of both together."""
        made = cls(server, 1)
        made._pace = other._pace
        return made

    def forget(self) -> None:
        """Drop the cached responses."""
        self._cached.clear()

    async def ask(self, request: NodeRequest, version: int) -> NodeAnswer:
        """The result in an API version, which the caller may modify. Raises NotAsked and NodeLost."""
        answered = await self.answer(request, version)
        try:
            return NodeAnswer(answered.result(), {}, answered.size)
        except NoAnswer as none:
            raise NotAsked(str(none)) from None

    async def answer(self, request: NodeRequest, version: int) -> Answer:
        """The whole answer at an API version, not to be changed. Raises NotAsked and NodeLost."""
        key = (version, request.method, repr(request.params))
        if key not in self._cached:
            self._cached[key] = await self._ask_patiently(request.method, request.params, version)
        return self._cached[key]

    async def _ask_patiently(self, method: str, params: JsonObject, version: int) -> Answer:
        for pause in (*_BUSY_PAUSES, None):
            try:
                answered = await self._ask_once(method, params, version)
                error = answered.result().get("error")
            except TextAnswer as text:
                if text.status != 503:
                    raise NotAsked(str(text)) from None
                error = "overloaded"
            except NoAnswer as none:
                raise NotAsked(str(none)) from None
            else:
                if error in _REFUSALS:
                    raise NotAsked(str(error))
                if error not in _BUSY:
                    return answered
            if pause is not None:
                await asyncio.sleep(pause)
        raise NotAsked("the node is too busy")

    async def _ask_once(self, method: str, params: JsonObject, version: int) -> Answer:
        """Make a request, and again if the connection failed. Raises TextAnswer, NoAnswer, NodeLost."""
        while True:
            await self._pace.wait()
            self.asked += 1
            try:
                answered = await self._server.ask(method, params, version)
            except NoAnswer as none:
                self._failures += 1
                if self._failures >= _LOST_AFTER or self._server.websocket:
                    raise NodeLost(str(none)) from None
                if self._failures > 1:
                    raise
                continue
            self._failures = 0
            return answered
