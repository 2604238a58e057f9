"""Many deadlines with one timer: a timer of its own costs a question more than a third of what asking it costs."""

import asyncio
from typing import Protocol

_SLACK = 4e-6
"""Seconds that a deadline may be late for each of those there are: of a storm of them each would be a look at all."""


class Expiring(Protocol):
    """What can be told that its time is over."""

    def expire(self) -> None:
        """Its time is over."""


class DeadlineTimer:
    """Tells what is not done in time; to be used within one event loop.

    Most is done in time, and deadlines mostly come in their order, so that the timer stands where it is while things
    come and go. Where 10,000 wait for theirs, one may be 40 ms late.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._due: dict[Expiring, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def set(self, thing: Expiring, when: float) -> None:
        """Has `thing` expire at `when` (the loop's time), unless it is cleared before."""
        self._due[thing] = when
        if self._timer is None or when < self._timer_at:
            self._set_timer(when)

    def clear(self, thing: Expiring) -> None:
        """It is done. Does nothing where it has expired."""
        self._due.pop(thing, None)

    def close(self) -> None:
        """Ends the timer; nothing expires any more."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._look)
        self._timer_at = when

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        for thing in [thing for thing, when in self._due.items() if when <= now]:
            if self._due.pop(thing, None) is not None:  # else what went on by another has cleared it
                thing.expire()
        if self._due:
            self._set_timer(max(min(self._due.values()), now + _SLACK * len(self._due)))
