"""Keeps the process from sleeping for a moment after each request, where time is worth more than the processor's.

Whoever sleeps has to be woken for each message, and that takes longer than all that is done to a small request, in a
virtual machine above all. HAProxy has the same by the same name, without an end.
"""

import asyncio
import time


class BusyPolling:
    """Has the event loop ask the system again and again what has come, for `seconds` after each request; 0: never."""

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._until = 0.0
        self._goes_on = False

    def asked(self) -> None:
        """A request has come."""
        if not self._seconds:
            return
        self._until = time.monotonic() + self._seconds  # of uvloop's own time a millisecond is the least
        if not self._goes_on:
            self._goes_on = True
            self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        """With a callback that is due, the event loop looks, and does not wait."""
        self._goes_on = time.monotonic() < self._until
        if self._goes_on:
            self._loop.call_soon(self._go_on)
