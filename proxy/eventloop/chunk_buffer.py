"""Collects bytes that arrive in parts, such as the body of a message."""

from typing import cast

_SMALL = 4_096
"""Parts with fewer bytes are joined with the one before: as separate objects they would take much more memory."""
_JOINED_FROM = 8_000_000
"""Bytes from which on parts are joined as they arrive: joined at the end, 60 MB would take the event loop 40 ms."""


class ChunkBuffer:
    """The parts received so far."""

    __slots__ = ("_joined", "_parts", "size")

    def __init__(self) -> None:
        self._parts: list[bytes | bytearray] = []
        self._joined = bytearray()  # what came before the parts
        self.size = 0
        """In bytes."""

    def add(self, part: bytes) -> None:
        """Append a part."""
        self.size += len(part)
        if self.size >= _JOINED_FROM:
            for each in self._parts:
                self._joined += each
            self._parts.clear()
            self._joined += part
        elif len(part) >= _SMALL:
            self._parts.append(part)
        elif self._parts and type(self._parts[-1]) is bytearray:
            self._parts[-1] += part
        else:
            self._parts.append(bytearray(part))

    def drain(self) -> bytes:
        """Return all bytes, as a bytearray if there are many, and empty the buffer."""
        parts, self._parts, self.size = self._parts, [], 0
        if self._joined:
            joined, self._joined = self._joined, bytearray()
            return cast(bytes, joined)
        return bytes(parts[0]) if len(parts) == 1 else b"".join(parts)
