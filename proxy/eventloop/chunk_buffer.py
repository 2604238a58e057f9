"""Bytes that come part by part, as the body of a message does, until all of them are there."""

_SMALL = 4_096
"""Bytes of a part that is put behind the one before: an object of its own would take many times as much."""


class ChunkBuffer:
    """What has come."""

    __slots__ = ("_parts", "size")

    def __init__(self) -> None:
        self._parts: list[bytes | bytearray] = []
        self.size = 0
        """In bytes."""

    def add(self, part: bytes) -> None:
        """Puts more behind it."""
        self.size += len(part)
        if len(part) >= _SMALL:
            self._parts.append(part)
        elif self._parts and type(self._parts[-1]) is bytearray:
            self._parts[-1] += part
        else:
            self._parts.append(bytearray(part))

    def drain(self) -> bytes:
        """All of it, which is forgotten here."""
        parts, self._parts, self.size = self._parts, [], 0
        return bytes(parts[0]) if len(parts) == 1 else b"".join(parts)
