"""Many deadlines on one timer: a timer for each node request would cost a third of what the request costs."""

import asyncio
from typing import Protocol

_SLACK = 4e-6
"""Seconds by which a deadline may be late for each deadline that is set: each check looks at all of them."""


class Expiring(Protocol):
    """Something with a deadline."""

    def expire(self) -> None:
        """The deadline has passed."""


class DeadlineTimer:
    """Calls `expire` of things whose deadline has passed; for use in one event loop.

    Most things are done in time, and deadlines are mostly set in their order, so that the timer is rarely moved. With
    10,000 deadlines, one may be 40 ms late.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._due: dict[Expiring, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def set(self, thing: Expiring, when: float) -> None:
        """Call `thing.expire` at `when` (the loop's time), unless it is cleared before."""
        self._due[thing] = when
        if self._timer is None or when < self._timer_at:
            self._set_timer(when)

    def clear(self, thing: Expiring) -> None:
        """Remove the deadline of `thing`; nothing happens if it has passed."""
        self._due.pop(thing, None)

    def close(self) -> None:
        """Stop the timer; nothing expires after this."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._expire_due)
        self._timer_at = when

    def _expire_due(self) -> None:
        self._timer = None
        now = self._loop.time()
        for thing in [thing for thing, when in self._due.items() if when <= now]:
            if self._due.pop(thing, None) is not None:  # else the expiry of another has cleared it
                thing.expire()
        if self._due:
            self._set_timer(max(min(self._due.values()), now + _SLACK * len(self._due)))
