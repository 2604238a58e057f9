"""What arrives in parts is returned whole, whether or not its size was known, and whether or not it was right."""

import pytest

from proxy.eventloop.chunk_buffer import ChunkBuffer

PARTS = [b"a" * 100, b"b" * 5_000_000, b"c", b"d" * 5_000_000, b"e" * 5_000]
ALL = b"".join(PARTS)


@pytest.mark.parametrize("expected", [None, 10, len(ALL), len(ALL) + 1_000_000, 8_000_000])
def test_all_that_was_added_is_returned(expected: int | None) -> None:
    buffer = ChunkBuffer()
    for _ in range(2):  # it is used again
        if expected is not None:
            buffer.expect(expected)
        for part in PARTS:
            buffer.add(part)
        assert buffer.size == len(ALL)
        assert buffer.drain() == ALL
        assert buffer.size == 0
        assert buffer.drain() == b""
