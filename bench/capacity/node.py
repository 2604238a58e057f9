"""A node of version 2 that costs little: it has one result for each method, and pushes to all that subscribed.

`python -m bench.capacity.node PORT`
"""

import asyncio
import base64
import hashlib
import sys
import time
from typing import cast

import httptools
import orjson
import uvloop

from bench.capacity.frames import CLOSE, PING, next_frame, pong, text_frame, unmasked
from bench.capacity.mix import LEDGER_SECONDS, pushed_per_ledger, results, stamped

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_OTHER = b'{"status":"success"}'


class Connection(asyncio.Protocol):
    """HTTP, and WebSocket once that is requested."""

    def __init__(self, subscribed: dict["Connection", None]) -> None:
        self._subscribed = subscribed
        self._results = results()
        self._parser = httptools.HttpRequestParser(self)
        self._key = b""
        self._body = b""
        self._is_websocket = False
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins."""
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends."""
        self._subscribed.pop(self, None)

    def data_received(self, data: bytes) -> None:
        """Reads HTTP or frames."""
        if self._is_websocket:
            self._read_frames(data)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._shake_hands()
        except httptools.HttpParserError:
            self.transport.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Takes the one of WebSocket."""
        if name.lower() == b"sec-websocket-key":
            self._key = value

    def on_body(self, body: bytes) -> None:
        """Takes a part of a request."""
        self._body += body

    def on_message_complete(self) -> None:
        """Answers a POST."""
        if self._key:
            return
        asked, self._body = orjson.loads(self._body), b""
        result = self._results.get(asked["method"], _OTHER)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (len(result) + 11)
        self.transport.write(b'%b{"result":%b}' % (head, result))

    def _shake_hands(self) -> None:
        accept = base64.b64encode(hashlib.sha1(self._key + _GUID, usedforsecurity=False).digest())
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept
        )
        self._is_websocket = True

    def _read_frames(self, data: bytes) -> None:
        data, at = self._rest + data, 0
        while (frame := next_frame(data, at)) is not None:
            if frame.opcode == CLOSE:
                self.transport.close()
                return
            if frame.opcode == PING:
                self.transport.write(pong())
            else:
                self._answer(orjson.loads(unmasked(data, frame)))
            at = frame.end
        self._rest = data[at:]

    def _answer(self, asked: dict[str, object]) -> None:
        command = asked["command"]
        if command == "subscribe":
            self._subscribed[self] = None
        result = self._results.get(str(command), _OTHER)
        text = b'{"api_version":2,"id":%b,"result":%b,"status":"success","type":"response"}'
        self.transport.write(text_frame(text % (orjson.dumps(asked.get("id")), result)))


async def serve(port: int) -> None:
    """Serves until it is killed."""
    subscribed: dict[Connection, None] = {}
    await asyncio.get_running_loop().create_server(lambda: Connection(subscribed), "127.0.0.1", port, backlog=4096)
    groups = pushed_per_ledger()
    began = time.monotonic()
    while True:
        for group in groups:
            await asyncio.sleep(max(0.0, began + group.at - time.monotonic()))
            now = int(time.monotonic() * 1e6)
            frames = b"".join(text_frame(stamped(opened, now)) for opened in group.messages)
            for connection in tuple(subscribed):
                connection.transport.write(frames)
        began += LEDGER_SECONDS


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
