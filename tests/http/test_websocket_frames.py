"""Frames that aiohttp's reader would accept, checked before it reads them."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.http.websocket_frames import FrameCheck
from tests.support.raw_websocket import CLOSE, PING, close_frame, frame

FAILED = b"\xb0\x80\x00\x00\x00\x00"
"""What the reader gets instead of a frame that is not allowed: reserved bits, at which it closes with 1002."""
GOOD = [
    frame(b"{}"),
    frame(b""),
    frame(b"x" * 126),
    frame(b"x" * 65_536),
    frame(b"x" * 125, PING),
    frame(b"{", fin=False) + frame(b"}", 0),
    frame(b"x", rsv=4),
    frame(b"", CLOSE),
    frame(b"x", CLOSE),  # which aiohttp rejects
    *(close_frame(code) for code in (1000, 1003, 1007, 1014, 3000, 4999)),
]
BAD = {
    "not masked": frame(b"{}", masked=False),
    "a length in two bytes that fits into one": b"\x81\xfe" + struct.pack("!H", 125) + b"\0" * 4 + b"x" * 125,
    "a length in eight bytes that fits into two": b"\x81\xff" + struct.pack("!Q", 65_535) + b"\0" * 4,
    "a length with its highest bit set": b"\x81\xff" + b"\xff" * 8 + b"\0" * 4,
    "a compressed ping": frame(b"x", PING, rsv=4),
    "a compressed close": frame(b"", CLOSE, rsv=4),
    **{
        f"close code {code}": close_frame(code)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535)
    },
    "a masked close code": b"\x88\x82\x01\x02\x03\x04" + bytes([(1006 >> 8) ^ 1, (1006 & 255) ^ 2]),
}  # fmt: skip


def fed(data: bytes, sizes: list[int]) -> bytes:
    """What the reader gets of `data` when it arrives in pieces of these sizes, and the rest together."""
    check, passed = FrameCheck(), b""
    for size in sizes:
        passed, data = passed + check.feed(data[:size]), data[size:]
    return passed + check.feed(data)


@given(st.lists(st.sampled_from(GOOD), max_size=5), st.lists(st.integers(1, 20), max_size=50))
def test_allowed_frames_pass_unchanged_however_they_arrive(frames: list[bytes], sizes: list[int]) -> None:
    assert fed(b"".join(frames), sizes) == b"".join(frames)


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@given(st.lists(st.sampled_from(GOOD), max_size=3), st.lists(st.integers(1, 9), max_size=50))
def test_a_violation_fails_the_connection_after_the_frames_before_it(
    bad: bytes, frames: list[bytes], sizes: list[int]
) -> None:
    assert fed(b"".join(frames) + bad + frame(b"{}"), sizes) == b"".join(frames) + FAILED


def test_bytes_after_a_violation_are_dropped() -> None:
    check = FrameCheck()
    assert check.feed(frame(masked=False)) == FAILED
    assert check.feed(frame(b"{}")) == b""
