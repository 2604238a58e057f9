"""Collects bytes that arrive in parts, such as the body of a message."""

from typing import cast

_SMALL = 4_096
"""Parts with fewer bytes are joined with the one before: as separate objects they would take much more memory."""
_LARGE = 8_000_000
"""Bytes from which on parts are copied to their place as they arrive: to join them takes a millisecond per megabyte.
The place takes its memory from the beginning, which many smaller ones must not do while they wait for a slow node."""


class ChunkBuffer:
    """The parts received so far."""

    __slots__ = ("_parts", "_whole", "size")

    def __init__(self) -> None:
        self._parts: list[bytes | bytearray] = []
        self._whole: bytearray | None = None  # of the expected size, and filled up to `size`
        self.size = 0
        """In bytes."""

    def expect(self, size: int) -> None:
        """Prepare for `size` bytes in all, which need not come. The buffer must be empty."""
        self._whole = bytearray(size) if size >= _LARGE else None

    def add(self, part: bytes) -> None:
        """Append a part."""
        begin = self.size
        self.size += len(part)
        if self._whole is not None:
            self._whole[begin : self.size] = part
        elif len(part) >= _SMALL:
            self._parts.append(part)
        elif self._parts and type(self._parts[-1]) is bytearray:
            self._parts[-1] += part
        else:
            self._parts.append(bytearray(part))

    def drain(self) -> bytes:
        """Return all bytes, and empty the buffer. Where a large size was expected, they are a bytearray in truth."""
        parts, whole, size = self._parts, self._whole, self.size
        self._parts, self._whole, self.size = [], None, 0
        if whole is not None:
            del whole[size:]
            return cast(bytes, whole)
        return bytes(parts[0]) if len(parts) == 1 else b"".join(parts)
