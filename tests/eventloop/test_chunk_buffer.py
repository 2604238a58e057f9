"""What arrives in parts is returned whole."""

from proxy.eventloop.chunk_buffer import ChunkBuffer

PARTS = [b"a" * 100, b"b" * 5_000_000, b"c", b"d", b"e" * 5_000]
ALL = b"".join(PARTS)


def test_all_that_was_added_is_returned() -> None:
    buffer = ChunkBuffer()
    for _ in range(2):  # it is used again
        for part in PARTS:
            buffer.add(part)
        assert buffer.size == len(ALL)
        assert buffer.drain() == ALL
        assert buffer.size == 0
        assert buffer.drain() == b""
