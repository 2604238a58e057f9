"""Exponential backoff between attempts, with tenacity."""

import random

from tenacity import RetryCallState, Retrying, wait_exponential


class Backoff:
    """The pauses of one series of attempts: each twice as long as the one before.

    `first`, `longest`: seconds. `jitter`: the share by which a pause is varied at random in either direction, so that
    many that failed together do not try again together.
    """

    def __init__(self, first: float, longest: float, *, jitter: float = 0.2) -> None:
        self._wait = wait_exponential(multiplier=first, max=longest)
        self._jitter = jitter
        self._state = RetryCallState(Retrying(), None, (), {})
        self._state.attempt_number = 0

    @property
    def attempts(self) -> int:
        """Attempts that have failed since the beginning or the last reset."""
        return self._state.attempt_number

    def next(self) -> float:
        """Count a failed attempt; return the seconds to wait before the next one."""
        self._state.attempt_number += 1
        varied = random.uniform(1 - self._jitter, 1 + self._jitter)  # noqa: S311 - no secret
        return self._wait(self._state) * varied

    def reset(self) -> None:
        """Start again with the first pause."""
        self._state.attempt_number = 0
