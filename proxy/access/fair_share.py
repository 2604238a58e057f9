"""Fair shares of the event loop between clients: one address cannot make the others wait for its expensive requests.

All clients share one event loop. A step that blocks it for long (decompressing a message, reading a request of many
elements, translating a large response) is charged to the client's address in CPU seconds. An address may use a tenth
of a CPU; one that has used more waits for turns. Turns are given one at a time, to the address that has used least, and
take at most a third of the time while other clients are active. Cheap requests are not charged: `limits` count them.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from proxy.access.client_address import limit_key
from proxy.eventloop.unsent_bytes import UnsentBytes

CHEAP_SECONDS = 0.001
"""Steps up to this many seconds are not charged."""
CHEAP_BYTES = 1_000
"""Requests up to this many bytes are cheap: their time need not be measured."""

LARGE_RESPONSE_BYTES = 65_536
"""A node's response from this size on is handled in a turn of the client that it is for."""
_PASSING_SECONDS = 2e-9
"""What it costs to copy one byte of a response into the client's envelope."""
_TRANSLATING_SECONDS = 28e-9
"""What it costs to read, translate and write one byte of a response."""

_SHARE = 0.1
"""CPU seconds per second that an address may use without waiting."""
_BURST = 0.01
"""CPU seconds that it may have used beyond that."""
_MOST_USED = 1.0
"""Most CPU seconds remembered of an address; with more it would wait long after it has stopped."""
_PAUSE = 2
"""The pause after a turn, while other clients are active, in multiples of the turn."""
_ACTIVE_SECONDS = 0.25
"""Seconds after a request for which a client counts as active."""
_MOST_ADDRESSES = 10_000


class _Usage:
    """What one address has used beyond its share, and the tasks that wait for its turns."""

    __slots__ = ("at", "used", "waiting")

    def __init__(self, now: float) -> None:
        self.used = 0.0
        """CPU seconds, as of the time `at`."""
        self.at = now
        self.waiting: deque[Callable[[], None]] = deque()

    def current(self, now: float) -> float:
        """CPU seconds used beyond the share, as of now."""
        self.used = max(0.0, self.used - (now - self.at) * _SHARE)
        self.at = now
        return self.used


class ResponseDropped(Exception):
    """Too much waits for all clients, and this response is among those that have waited longest."""


class _WaitingResponse:
    """A response that waits for a turn of its client."""

    def __init__(self, size: int, turn: "asyncio.Future[None]") -> None:
        self.turn = turn
        self._size = size

    def proceed(self) -> None:
        """It has its turn."""
        if not self.turn.done():
            self.turn.set_result(None)

    def unsent_bytes(self) -> int:
        """Its bytes."""
        return self._size

    def shed(self) -> None:
        """Drop it."""
        if not self.turn.done():
            self.turn.set_exception(ResponseDropped())


class FairShare:
    """Schedules turns for addresses that have used more than their share. Belongs to one event loop.

    Addresses are counted as the limits count them: an IPv6 /64 network as one.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        cpu_clock: Callable[[], float] = time.thread_time,
        unsent_bytes: UnsentBytes | None = None,
    ) -> None:
        self.cpu_clock = cpu_clock
        """CPU seconds of this thread, for measuring steps."""
        self._clock = clock
        self._unsent_bytes = unsent_bytes
        self._usage: dict[str, _Usage] = {}
        self._waiting: dict[str, _Usage] = {}
        self._latest_key = ""
        self._others_at = float("-inf")
        """When a request last came from another address than the one before."""
        self._running = False
        self._spent_in_turn = 0.0

    def must_wait(self, address: str) -> bool:
        """Whether a request of the client at `address` has to wait for a turn."""
        key = limit_key(address)
        if key != self._latest_key:
            if self._latest_key:
                self._others_at = self._clock()
            self._latest_key = key
        usage = self._usage.get(key)
        if usage is None:
            return False
        used = usage.current(self._clock())
        if not used and not usage.waiting:
            del self._usage[key]
        return bool(usage.waiting) or used > _BURST

    async def wait_if_necessary(self, address: str, deadline: float | None = None) -> None:
        """Wait for a turn if a request of the client at `address` has to.

        Raises TimeoutError at `deadline` (the event loop's time); with None the caller limits the wait.
        """
        if self.must_wait(address):
            async with asyncio.timeout_at(deadline):
                await self.turn(address)

    async def turn(self, address: str) -> None:
        """Wait for a turn of the client at `address`. Its work until it waits again is one step.

        The wait ends after the steps of those before it; the caller sets a limit.
        """
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def give() -> None:
            if not turn.done():  # cancelled
                turn.set_result(None)

        self.call_in_turn(address, give)
        await turn

    async def response_turn(self, address: str, size: int, *, is_translated: bool) -> None:
        """Wait, if necessary, for a turn to handle a response of `size` bytes, and charge the client by its bytes.

        What waits counts as unsent. The caller limits the wait. Raises ResponseDropped.
        """
        if self.must_wait(address):
            waiting = _WaitingResponse(size, asyncio.get_running_loop().create_future())
            try:
                if self._unsent_bytes is not None:
                    self._unsent_bytes.report(waiting, size)
                self.call_in_turn(address, waiting.proceed)
                await waiting.turn
            finally:
                if self._unsent_bytes is not None:
                    self._unsent_bytes.report(waiting, 0)
                del waiting  # it holds a ResponseDropped, whose traceback holds this frame
        self.spent(address, size * (_TRANSLATING_SECONDS if is_translated else _PASSING_SECONDS))

    def call_in_turn(self, address: str, step: Callable[[], None]) -> None:
        """Schedule `step` for a turn of the client at `address`, after those that wait already."""
        key = limit_key(address)
        usage = self._of(key)
        usage.waiting.append(step)
        self._waiting[key] = usage
        if not self._running:
            self._running = True
            asyncio.get_running_loop().call_soon(self._give_turn)

    def spent(self, address: str, seconds: float) -> None:
        """Charge a step of that many CPU seconds to the client at `address`, unless it is cheap."""
        if seconds > CHEAP_SECONDS:
            self.charge(address, seconds)

    def charge(self, address: str, seconds: float) -> None:
        """The same for a step that is charged however cheap it is."""
        usage = self._of(limit_key(address))
        usage.used = min(usage.current(self._clock()) + seconds, _MOST_USED)
        self._spent_in_turn += seconds

    def _of(self, key: str) -> _Usage:
        usage = self._usage.get(key)
        if usage is None:
            now = self._clock()
            if len(self._usage) >= _MOST_ADDRESSES:
                self._forget_idle(now)
            usage = self._usage[key] = _Usage(now)
        return usage

    def _forget_idle(self, now: float) -> None:
        """Forget addresses that have used nothing, and if these are few, some of the oldest."""
        self._usage = {key: usage for key, usage in self._usage.items() if usage.waiting or usage.current(now)}
        for key in [key for key in self._usage if key not in self._waiting][: _MOST_ADDRESSES // 10]:
            del self._usage[key]

    def _give_turn(self) -> None:
        if not self._waiting:
            self._running = False
            return
        now = self._clock()
        key, usage = min(self._waiting.items(), key=lambda item: item[1].current(now))
        step = usage.waiting.popleft()
        if not usage.waiting:
            del self._waiting[key]
        self._spent_in_turn = 0.0
        loop = asyncio.get_running_loop()
        try:
            step()
        finally:
            # A task that the step has woken runs before this callback.
            loop.call_soon(self._end_turn)

    def _end_turn(self) -> None:
        loop = asyncio.get_running_loop()
        if self._spent_in_turn and self._clock() - self._others_at < _ACTIVE_SECONDS:
            loop.call_later(self._spent_in_turn * _PAUSE, self._give_turn)
        else:
            loop.call_soon(self._give_turn)
