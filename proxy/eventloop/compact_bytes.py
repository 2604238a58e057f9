"""Bytes that take as much memory as they are long."""


def compact(text: bytes) -> bytes:
    """A copy of `text` without the room that orjson leaves behind what it writes: an output of 100 bytes takes 4 kB.

    For what is retained in numbers, as in a cache or a queue. It takes a third of a microsecond.
    """
    return bytes(memoryview(text))
