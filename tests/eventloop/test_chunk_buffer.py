"""What arrives in parts is returned whole."""

from proxy.eventloop.chunk_buffer import ChunkBuffer

PARTS = [b"a" * 100, b"b" * 5_000_000, b"c", b"d", b"e" * 5_000]
MORE_PARTS = [*PARTS, b"f" * 3_000_000, b"g", b"h" * 5_000]  # joined as they arrive


def test_all_that_was_added_is_returned() -> None:
    buffer = ChunkBuffer()
    for parts in (PARTS, MORE_PARTS, PARTS):  # it is used again
        for part in parts:
            buffer.add(part)
        assert buffer.size == sum(map(len, parts))
        assert buffer.drain() == b"".join(parts)
        assert buffer.size == 0
        assert buffer.drain() == b""
