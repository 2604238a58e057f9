"""A WebSocket client that sends frames as a test wants them, also those that no library sends."""

import struct
from types import TracebackType

from tests.support.raw_client import RawClient

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(payload: bytes = b"", opcode: int = TEXT, *, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    """A frame with its length in the shortest form, and a mask of zeros; `rsv`: the three reserved bits."""
    first, mask = (fin << 7) | (rsv << 4) | opcode, masked << 7
    if len(payload) < 126:
        head = bytes([first, mask | len(payload)])
    elif len(payload) < 1 << 16:
        head = bytes([first, mask | 126]) + struct.pack("!H", len(payload))
    else:
        head = bytes([first, mask | 127]) + struct.pack("!Q", len(payload))
    return head + b"\0\0\0\0" * masked + payload


def close_frame(code: int, reason: bytes = b"") -> bytes:
    return frame(struct.pack("!H", code) + reason, CLOSE)


class RawWebSocket(RawClient):
    """One connection that has become a WebSocket; `extensions`: of the handshake."""

    def __init__(self, url: str, extensions: str = "", *, small: bool = False, source: str = "") -> None:
        super().__init__(url, small=small, source=source)
        self._extensions = f"Sec-WebSocket-Extensions: {extensions}\r\n".encode() if extensions else b""

    async def __aenter__(self) -> "RawWebSocket":
        await super().__aenter__()
        await self.send(HANDSHAKE + self._extensions + b"\r\n")
        assert b" 101 " in await self.head()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)

    async def receive(self) -> tuple[int, bytes]:
        """The opcode and the payload of the next frame."""
        first, length = await self.reader.readexactly(2)
        if length == 126:
            (length,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
        return first & 15, await self.reader.readexactly(length)

    async def wait_closed(self) -> tuple[int, bytes]:
        """The code and the reason of the close frame, reading on until it comes; code 1005 for an empty one."""
        while (received := await self.receive())[0] != CLOSE:
            pass
        payload = received[1]
        return (struct.unpack("!H", payload[:2])[0] if payload else 1005), payload[2:]
