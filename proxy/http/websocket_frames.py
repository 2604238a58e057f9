"""WebSocket frames without I/O (RFC 6455, section 5; compressed messages: RFC 7692), of either side."""

import struct
import zlib
from functools import lru_cache
from random import getrandbits

from proxy.eventloop.chunk_buffer import ChunkBuffer

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
_OPCODES = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})

PROTOCOL_ERROR, INVALID_TEXT, MESSAGE_TOO_BIG = 1002, 1007, 1009
"""Codes of close frames (RFC 6455, 7.4.1)."""
NO_CODE = 1005
"""Stands for a close frame without a code; never sent."""

_FIN, _RSV1, _RSV2_RSV3, _OPCODE = 0x80, 0x40, 0x30, 0x0F
_MASKED, _LENGTH = 0x80, 0x7F
_WHOLE_TEXT = _FIN | TEXT
_MOST_OF_CONTROL = 125
_HEAD, _HEAD_16, _HEAD_64 = (struct.Struct(layout).pack for layout in ("!BB", "!BBH", "!BBQ"))
"""Write the head of a frame: its first two bytes, and the length where those have no room for it."""
_LONG = 16_384
"""Bytes of a payload from which on it is masked faster position by position."""
END_OF_BLOCK = b"\x00\x00\xff\xff"
"""The end of a compressed message, which is not sent (RFC 7692, 7.2.1)."""


class FrameError(Exception):
    """The other side violated the protocol. `code`: of the close frame that fails the connection."""

    def __init__(self, code: int) -> None:
        super().__init__(f"close code {code}")
        self.code = code


def write_frame(payload: bytes, opcode: int = TEXT, *, compressed: bool = False) -> bytes:
    """The frame that a server sends: a whole message, not masked."""
    first, size = _FIN | opcode | (_RSV1 if compressed else 0), len(payload)
    return (_HEAD_16(first, 126, size) if 126 <= size < 1 << 16 else _head(first, size, 0)) + payload


def write_masked_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """The frame that a client sends: a whole message, masked."""
    mask = getrandbits(32).to_bytes(4, "little")
    return _head(_FIN | opcode, len(payload), _MASKED) + mask + masked(payload, mask)


def write_close(code: int, reason: bytes = b"") -> bytes:
    """The payload of a close frame; empty for `NO_CODE`."""
    return b"" if code == NO_CODE else struct.pack("!H", code) + reason[: _MOST_OF_CONTROL - 2]


def read_text_frame(data: bytes) -> bytes | None:
    """The payload if `data` is exactly one frame with a whole text message of a server, of at most 64 kB; else None."""
    size = len(data)
    if size < 126 + 4:
        return data[2:] if size >= 2 and data[0] == _WHOLE_TEXT and data[1] == size - 2 < 126 else None
    if data[0] == _WHOLE_TEXT and data[1] == 126 and (data[2] << 8 | data[3]) == size - 4:
        return data[4:]
    return None


def read_masked_text_frame(data: bytes) -> bytes | None:
    """The same of a client, whose frames are masked."""
    size = len(data)
    if size < 126 + 8:
        if size >= 6 and data[0] == _WHOLE_TEXT and data[1] ^ _MASKED == size - 6 < 126:
            return masked(data[6:], data[2:6])
    elif data[0] == _WHOLE_TEXT and data[1] == _MASKED | 126 and (data[2] << 8 | data[3]) == size - 8:
        return masked(data[8:], data[4:8])
    return None


def masked(payload: bytes, mask: bytes) -> bytes:
    """The payload with the 4 bytes of the mask applied, or removed."""
    size = len(payload)
    if size > _LONG:
        whole = bytearray(size)
        for position in range(4):
            whole[position::4] = payload[position::4].translate(_masked_bytes(mask[position]))
        return bytes(whole)
    repeated = int.from_bytes(mask * ((size + 3) >> 2), "little")
    return (int.from_bytes(payload, "little") ^ repeated).to_bytes((size + 3) & ~3, "little")[:size]


@lru_cache(256)
def _masked_bytes(mask: int) -> bytes:
    return bytes(byte ^ mask for byte in range(256))


def is_utf8(text: bytes) -> bool:
    """Whether the text is valid UTF-8."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _head(first: int, size: int, mask_bit: int) -> bytes:
    if size < 126:
        return _HEAD(first, mask_bit | size)
    return _HEAD_16(first, mask_bit | 126, size) if size < 1 << 16 else _HEAD_64(first, mask_bit | 127, size)


class FrameReader:
    """Reads what one side sends: whole messages, and control frames.

    `masked`: whether its frames must be masked, as a client's are. `max_size`: bytes of the largest message accepted.
    `compressed`: whether its messages may be compressed, each by itself.
    """

    __slots__ = (
        "_at",
        "_compressed",
        "_first",
        "_input",
        "_is_compressed",
        "_left",
        "_mask",
        "_masked",
        "_max_size",
        "_message",
        "_message_opcode",
        "_payload",
        "packed_bytes",
    )

    def __init__(self, *, masked: bool, max_size: int, compressed: bool = False) -> None:
        self._masked = masked
        self._max_size = max_size
        self._compressed = compressed
        self._input = b""
        """What was received and not read, from the position `_at` on."""
        self._at = 0
        self._first = 0
        """The first byte of the frame whose payload is being read."""
        self._mask = b""
        self._left: int | None = None
        """Bytes of its payload that have not arrived; None between frames."""
        self._payload: ChunkBuffer | None = None
        """The part of its payload that has arrived, if not all has."""
        self._message_opcode = CONTINUATION
        """Of the message whose fragments are being read."""
        self._message = bytearray()
        self._is_compressed = False
        self.packed_bytes = 0
        """Bytes of the last message before it was decompressed; 0 for one that was not compressed."""

    def read_text(self, data: bytes) -> bytes | None:
        """The text message if `data` is exactly one and follows a whole one; else None, and nothing is read.

        A short cut: most reads are one short message.
        """
        if self._input or self._left is not None or self._message_opcode or len(data) > self._max_size:
            return None
        return read_masked_text_frame(data) if self._masked else read_text_frame(data)

    @property
    def has_input(self) -> bool:
        """Whether something was received that has not been read."""
        return bool(self._input)

    @property
    def message_bytes(self) -> int:
        """Bytes of the incomplete message: of the fragments so far, including the rest of the current one."""
        arrived = self._payload.size if self._payload is not None else 0
        return len(self._message) + arrived + (self._left or 0)

    @property
    def is_last(self) -> bool:
        """Whether the current frame completes its message."""
        return self._left is not None and bool(self._first & _FIN)

    def feed(self, data: bytes) -> None:
        """Add what was received; `next` reads it."""
        self._input = self._input[self._at :] + data if self._input else data
        self._at = 0

    def drop(self) -> None:
        """Drop what was received and not read."""
        self._input, self._at = b"", 0

    def next(self) -> tuple[int, bytes] | None:
        """The opcode and payload of the next message or control frame; None if more has to be received.

        `CONTINUATION` stands for a frame that does not complete its message: thousands may have arrived together.
        Raises FrameError, and zlib.error for what is not compressed as it says.
        """
        payload = self._read_payload() if self._left is not None or self._read_head() else None
        self._trim()
        if payload is None:
            return None
        opcode = self._first & _OPCODE
        if opcode >= CLOSE:
            return opcode, payload
        if self._first & _FIN:
            return self._complete(payload)
        self._message += payload
        return CONTINUATION, b""

    def _trim(self) -> None:
        if self._at == len(self._input):
            self._input, self._at = b"", 0

    def _read_head(self) -> bool:
        """Read the head of a frame; False if more of it has to be received."""
        data, at = self._input, self._at
        if len(data) < at + 2:
            return False
        first, second = data[at], data[at + 1]
        length, begin = second & _LENGTH, at + 2
        self._check(first, second)
        if length >= 126:
            begin += 2 if length == 126 else 8
        if self._masked:
            begin += 4
        if len(data) < begin:
            return False
        if length >= 126:
            wide = length == 127
            length = int.from_bytes(data[at + 2 : at + (10 if wide else 4)], "big")
            if length < (1 << 16 if wide else 126) or length >> 63:
                raise FrameError(PROTOCOL_ERROR)
        if first & _OPCODE < CLOSE:
            self._begin_data(first, length)
        self._first, self._left, self._at = first, length, begin
        if self._masked:
            self._mask = data[begin - 4 : begin]
        return True

    def _check(self, first: int, second: int) -> None:
        opcode, is_data = first & _OPCODE, first & _OPCODE < CLOSE
        if (
            bool(second & _MASKED) is not self._masked
            or first & _RSV2_RSV3
            or opcode not in _OPCODES
            or (first & _RSV1 and (not self._compressed or opcode not in (TEXT, BINARY)))
            or (not is_data and (not first & _FIN or second & _LENGTH > _MOST_OF_CONTROL))
            or (is_data and bool(self._message_opcode) is not (opcode == CONTINUATION))
        ):
            raise FrameError(PROTOCOL_ERROR)

    def _begin_data(self, first: int, length: int) -> None:
        if length + len(self._message) > self._max_size:
            raise FrameError(MESSAGE_TOO_BIG)
        if opcode := first & _OPCODE:
            self._message_opcode = opcode
            self._is_compressed = bool(first & _RSV1)

    def _read_payload(self) -> bytes | None:
        """The frame's payload, once all of it has arrived."""
        begin, left = self._at, self._left or 0
        end = min(begin + left, len(self._input))
        part = self._input if not begin and end == len(self._input) else self._input[begin:end]
        self._at, self._left = end, left - len(part)
        if self._left or self._payload is not None:
            if self._payload is None:
                self._payload = ChunkBuffer()
            if part:
                self._payload.add(part)
            if self._left:
                return None
            part, self._payload = self._payload.drain(), None
        self._left = None
        return masked(part, self._mask) if self._masked else part

    def _complete(self, payload: bytes) -> tuple[int, bytes]:
        opcode, self._message_opcode = self._message_opcode, CONTINUATION
        if self._message:
            payload, self._message = bytes(self._message + payload), bytearray()
        self.packed_bytes = len(payload) if self._is_compressed else 0
        if self._is_compressed:
            payload = _inflate(payload, self._max_size)
        return opcode, payload


def _inflate(payload: bytes, max_size: int) -> bytes:
    """A message that is compressed by itself: there is no context of earlier ones, which would take 42 kB.

    Raises FrameError if it is too large, and zlib.error if it is not compressed.
    """
    message = zlib.decompressobj(-zlib.MAX_WBITS).decompress(payload + END_OF_BLOCK, max_size + 1)
    if len(message) > max_size:
        raise FrameError(MESSAGE_TOO_BIG)
    return message


def read_close(payload: bytes) -> tuple[int, str]:
    """The code and the reason in a close frame. Raises FrameError."""
    if not payload:
        return NO_CODE, ""
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or not _may_be_sent(code):
        raise FrameError(PROTOCOL_ERROR)
    try:
        return code, payload[2:].decode()
    except UnicodeDecodeError:
        raise FrameError(INVALID_TEXT) from None


def _may_be_sent(close_code: int) -> bool:
    """Whether a close frame may have this code: 1004 to 1006 and 1015 are reserved, others not assigned."""
    return 3000 <= close_code <= 4999 or 1000 <= close_code <= 1003 or 1007 <= close_code <= 1014
