"""A circuit breaker: pauses a node that fails repeatedly, so that requests do not wait for it."""

import time
from collections import deque
from collections.abc import Callable

from proxy.eventloop.backoff import Backoff


class Breaker:
    """Counts the outcomes of a node's requests, and decides whether it gets another.

    It opens after `failures` failed requests within `window` seconds, if they are at least half of all: a node that
    serves most requests is worth using. It then stays open for `pause` seconds, plus or minus a fifth, lets one trial
    request through, and closes if that succeeds; if not, each further pause is twice as long, up to `longest_pause`.
    """

    def __init__(
        self,
        *,
        failures: int = 10,
        window: float = 10,
        pause: float = 1,
        longest_pause: float = 60,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures = failures
        self._window = window
        self._backoff = Backoff(pause, longest_pause)
        self._clock = clock
        # When each request ended and whether it failed; twice as many as open the breaker are enough to judge by.
        self._ended: deque[tuple[float, bool]] = deque(maxlen=2 * failures)
        self._pause = 0.0  # seconds, the current one
        self._until = 0.0
        self._half_open = False
        self.is_open = False
        """Whether the node failed so often that it gets one request at a time, or none."""

    def allows(self) -> bool:
        """Whether the node may be sent a request now."""
        return not self.is_open or self._clock() >= self._until

    def start_trial(self) -> None:
        """Note that the node is sent a request; if it is a trial, the next waits for its outcome, or for a pause."""
        if self.is_open:
            self._half_open = True
            self._until = self._clock() + self._pause

    def succeeded(self) -> None:
        """Note a successful request."""
        if self.is_open:
            self.close()
        self._ended.append((self._clock(), False))

    def failed(self) -> None:
        """Note a failed request."""
        if not self.is_open:
            self._ended.append((self._clock(), True))
            if self._too_many():
                self._wait()
        elif self._half_open:  # otherwise it was already in flight when the breaker opened
            self._half_open = False
            self._wait()

    def close(self) -> None:
        """Forget the failures, because the node has restarted."""
        self._backoff.reset()
        self.is_open = False
        self._half_open = False
        self._ended.clear()

    def _too_many(self) -> bool:
        earliest = self._clock() - self._window
        counted = [failed for ended, failed in self._ended if ended >= earliest]
        return sum(counted) >= self._failures and 2 * sum(counted) >= len(counted)

    def _wait(self) -> None:
        self.is_open = True
        self._pause = self._backoff.next()
        self._until = self._clock() + self._pause
