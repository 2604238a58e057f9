"""A logger with a limit on the lines per event, for events that clients can cause at will."""

import time
from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

SECONDS = 10.0
"""The length of one window."""
LINES = 10
"""Lines of one event in one window."""
_EVENTS = 1000
"""Distinct events counted; all others share one bound."""


class RateLimitedLog:
    """Writes at most `lines` lines of each event in `seconds`.

    The first line of a later window has `suppressed`: how many lines of the event were left out since the last one.
    Events and kinds are the program's own names and never a client's text, so their number is small; it is bounded even
    so.
    """

    def __init__(
        self,
        log: FilteringBoundLogger,
        *,
        lines: int = LINES,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._lines = lines
        self._seconds = seconds
        self._clock = clock
        self._windows: dict[str, _Window] = {}

    def info(self, event: str, kind: str = "", /, **fields: object) -> None:
        """Write a line of level info, within the bound; each `kind` of an event has a separate limit."""
        if (extra := self._admit(f"{event}/{kind}")) is not None:
            self._log.info(event, **fields, **extra)

    def warning(self, event: str, kind: str = "", /, **fields: object) -> None:
        """Write a line of level warning, as `info` does."""
        if (extra := self._admit(f"{event}/{kind}")) is not None:
            self._log.warning(event, **fields, **extra)

    def _admit(self, event: str) -> dict[str, int] | None:
        """Fields to add to the line, or None if it is over the limit."""
        now = self._clock()
        if event not in self._windows and len(self._windows) >= _EVENTS:
            event = ""
        window = self._windows.get(event)
        if window is None:
            window = self._windows[event] = _Window(now)
        elif now - window.start >= self._seconds:
            window.start, window.lines = now, 0
        if window.lines >= self._lines:
            window.suppressed += 1
            return None
        window.lines += 1
        suppressed, window.suppressed = window.suppressed, 0
        return {"suppressed": suppressed} if suppressed else {}


class _Window:
    __slots__ = ("lines", "start", "suppressed")

    def __init__(self, start: float) -> None:
        self.start = start
        self.lines = 0
        self.suppressed = 0
