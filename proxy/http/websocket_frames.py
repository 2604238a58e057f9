"""Checks of clients' WebSocket frames that aiohttp's reader omits (RFC 6455, sections 5.1, 5.2 and 7.4)."""

_PROTOCOL_ERROR = b"\xb0\x80\x00\x00\x00\x00"
"""A frame with reserved bits, which makes aiohttp's reader fail the connection with 1002."""
_MASKED, _LENGTH = 0x80, 0x7F
_RSV1_OF_CONTROL = 0x48
"""The bits of a frame's first byte that are set together in a compressed control frame."""
_OPCODE, _CLOSE = 0x0F, 0x08


class FrameCheck:
    """Follows the frames that one client sends, header by header, and passes them on unchanged.

    Without it aiohttp accepts frames that are not masked, lengths that are not in their shortest form, compressed
    control frames, and close codes that an endpoint must not send. It rejects everything else that RFC 6455 forbids.
    """

    __slots__ = ("_failed", "_header", "_payload_left")

    def __init__(self) -> None:
        self._header = b""
        """The beginning of a header whose rest has not arrived."""
        self._payload_left = 0
        """Bytes of the current frame's payload that have not arrived."""
        self._failed = False

    def feed(self, data: bytes) -> bytes:
        """Return the bytes for aiohttp's reader; at a violation they end with a frame that fails the connection."""
        if self._failed:
            return b""
        if self._header:
            data, self._header = self._header + data, b""
        position, size = self._payload_left, len(data)
        while position + 1 < size:
            end = _frame_end(data, position)
            if end is None:
                break
            if end < 0:
                self._failed = True
                return data[:position] + _PROTOCOL_ERROR
            position = end
        if position >= size:
            self._payload_left = position - size
            return data
        self._payload_left, self._header = 0, data[position:]
        return data[:position]


def _frame_end(data: bytes, start: int) -> int | None:
    """The end of the frame that begins at `start`; None while more of its header is needed, -1 for a violation."""
    first, second = data[start], data[start + 1]
    if not second & _MASKED or first & _RSV1_OF_CONTROL == _RSV1_OF_CONTROL:
        return -1
    length, payload = second & _LENGTH, start + 6
    if length >= 126:
        size = 2 if length == 126 else 8
        payload += size
        if len(data) < payload:
            return None
        length = int.from_bytes(data[start + 2 : start + 2 + size], "big")
        if length < (126 if size == 2 else 1 << 16) or length >> 63:
            return -1
    elif len(data) < payload:
        return None
    if first & _OPCODE == _CLOSE and length >= 2:
        if len(data) < payload + 2:
            return None
        mask, code = data[payload - 4 : payload - 2], data[payload : payload + 2]
        if not _may_be_sent(int.from_bytes(mask, "big") ^ int.from_bytes(code, "big")):
            return -1
    return payload + length


def _may_be_sent(close_code: int) -> bool:
    """Whether a close frame may have this code: 1004 to 1006 and 1015 are reserved, others not assigned."""
    return 3000 <= close_code <= 4999 or 1000 <= close_code <= 1003 or 1007 <= close_code <= 1014
