"""A bound on the responses that calls wait for: gRPC's library receives each as a whole, however many there are."""

import time
from collections.abc import Callable

from proxy.nodes.fair_queue import FairQueue

_LARGEST_AT_A_TIME = 4
"""Responses of the largest size for which there is room at a time."""
_EXPECTED_BYTES = 4_194_304
"""Size that a response is expected to have at least: how large it is shows only when all of it is there."""
_HALVING_SECONDS = 30.0
"""Seconds in which the expected size of a method's responses halves, after a large one."""


class ResponseRoom:
    """Room for responses of at most `most_bytes` each, shared fairly between client addresses: see FairQueue.

    A response is expected to be as large as the largest recent one to the same method.
    """

    def __init__(self, most_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most_bytes = most_bytes
        self._queue = FairQueue(_LARGEST_AT_A_TIME * most_bytes)
        self._clock = clock
        self._largest: dict[str, tuple[float, float]] = {}
        """By method: bytes, and when that was."""

    async def take(self, client: str, method: str) -> "Place":
        """The place for a response to `client`, once there is room. The caller limits the time and releases it."""
        size = min(max(_EXPECTED_BYTES, int(self._expected(method))), self.most_bytes)
        await self._queue.acquire(client, size)
        return Place(self, client, method, size)

    def _expected(self, method: str) -> float:
        size, at = self._largest.get(method, (0.0, 0.0))
        return float(size * 0.5 ** ((self._clock() - at) / _HALVING_SECONDS))

    def note(self, method: str, size: int) -> None:
        """Note the size of a response. `method` is one that is offered: there are few."""
        if size > max(_EXPECTED_BYTES, self._expected(method)):
            self._largest[method] = (size, self._clock())

    def give_back(self, client: str, size: int) -> None:
        """The room of a response is free again."""
        self._queue.give_back(client, size)


class Place:
    """The place of one response in its `room`."""

    __slots__ = ("_client", "_method", "_room", "_size")

    def __init__(self, room: ResponseRoom, client: str, method: str, size: int) -> None:
        self._room: ResponseRoom | None = room
        self._client = client
        self._method = method
        self._size = size

    def note(self, size: int) -> None:
        """The response, or a message of it, is there and has `size` bytes."""
        if self._room is not None:
            self._room.note(self._method, size)

    def release(self) -> None:
        """The response is passed on, where other limits count it, or will not come."""
        room, self._room = self._room, None
        if room is not None:
            room.give_back(self._client, self._size)
