"""WebSocket frames at little cost: a load that is slower than what it measures says nothing. RFC 6455, section 5.2."""

from typing import NamedTuple

TEXT, CLOSE, PING = 1, 8, 9
_FIN = 0x80
_PONG = b"\x8a\x00"


class Frame(NamedTuple):
    """Where the payload of a frame is in the bytes that it was found in; `mask`: its key, empty for none."""

    opcode: int
    start: int
    end: int
    mask: bytes


def next_frame(data: bytes, at: int) -> Frame | None:
    """The frame that begins there; None while it is not whole. Messages are of one frame."""
    available = len(data) - at
    if available < 2:
        return None
    second = data[at + 1]
    length, start = second & 0x7F, at + 2
    if length >= 126:
        start += 2 if length == 126 else 8
        if len(data) < start:
            return None
        length = int.from_bytes(data[at + 2 : start], "big")
    mask = b""
    if second & 0x80:
        mask = data[start : start + 4]
        start += 4
    end = start + length
    return Frame(data[at] & 0x0F, start, end, mask) if end <= len(data) else None


def unmasked(data: bytes, frame: Frame) -> bytes:
    """A frame's payload."""
    payload = data[frame.start : frame.end]
    if not frame.mask or not any(frame.mask):
        return payload
    length = len(payload)
    key = int.from_bytes((frame.mask * (length // 4 + 1))[:length], "little")
    return (int.from_bytes(payload, "little") ^ key).to_bytes(length, "little")


def text_frame(payload: bytes, *, client: bool = False) -> bytes:
    """A message of text. `client`: with a mask of zeros, which leaves the payload as it is."""
    length, bit = len(payload), _FIN if client else 0
    if length < 126:
        head = bytes((_FIN | TEXT, bit | length))
    elif length < 65536:
        head = bytes((_FIN | TEXT, bit | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((_FIN | TEXT, bit | 127)) + length.to_bytes(8, "big")
    return head + (b"\0\0\0\0" if client else b"") + payload


def pong(*, client: bool = False) -> bytes:
    """The response to a ping without a payload."""
    return b"\x8a\x80\0\0\0\0" if client else _PONG
