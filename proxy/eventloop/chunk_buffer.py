"""Collects bytes that arrive in parts, such as the body of a message."""

_SMALL = 4_096
"""Parts with fewer bytes are joined with the one before: as separate objects they would take much more memory."""


class ChunkBuffer:
    """The parts received so far."""

    __slots__ = ("_parts", "size")

    def __init__(self) -> None:
        self._parts: list[bytes | bytearray] = []
        self.size = 0
        """In bytes."""

    def add(self, part: bytes) -> None:
        """Append a part."""
        self.size += len(part)
        if len(part) >= _SMALL:
            self._parts.append(part)
        elif self._parts and type(self._parts[-1]) is bytearray:
            self._parts[-1] += part
        else:
            self._parts.append(bytearray(part))

    def drain(self) -> bytes:
        """Return all bytes, and empty the buffer."""
        parts, self._parts, self.size = self._parts, [], 0
        return bytes(parts[0]) if len(parts) == 1 else b"".join(parts)
