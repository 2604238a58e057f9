"""Garbage collection in time for the large messages that gRPC's library leaves behind."""

import gc

_COLLECTED_BYTES = 67_108_864
"""Bytes of messages after which garbage is collected: among the youngest objects, which takes a few milliseconds."""
_OLDER_EVERY, _ALL_EVERY = 4, 16
"""Of so many collections one includes the objects that survived one, or several: calls that were in flight."""


class _Garbage:
    """Has the garbage collector run in time: gRPC's library leaves calls in reference cycles, each with the memory of
    its messages, of which the collector knows nothing.
    """

    def __init__(self) -> None:
        self._bytes = 0
        self._collections = 0

    def count(self, size: int) -> None:
        """Note a message of `size` bytes."""
        self._bytes += size
        if self._bytes > _COLLECTED_BYTES:
            self._bytes = 0
            self._collections += 1
            gc.collect(_generation(self._collections))


def _generation(collection: int) -> int:
    """The oldest generation of the collection with this number."""
    if collection % _OLDER_EVERY:
        return 0
    return 1 if collection % _ALL_EVERY else 2


GARBAGE = _Garbage()
"""That of the process."""
