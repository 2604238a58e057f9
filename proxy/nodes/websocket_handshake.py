"""The opening handshake of a WebSocket with a node (RFC 6455, section 4), from the client's side."""

import asyncio
import base64
import secrets
from collections.abc import Mapping
from typing import cast
from urllib.parse import SplitResult

import httptools

from proxy.http.websocket_handshake import accept_key
from proxy.nodes.request_head import target_and_host

_MOST_HEAD_BYTES = 65_536
_SWITCHING = 101


class HandshakeRefused(Exception):
    """The node did not become a WebSocket. The message says why, and quotes nothing of it."""


class Handshake(asyncio.Protocol):
    """Sends the handshake for `url`, with `headers`; `done` gets the transport, and what was read after the response.

    It gets HandshakeRefused or ConnectionError instead if there is no WebSocket. Reading is paused then. The parser
    calls the `on_…` methods.
    """

    def __init__(self, url: SplitResult, headers: Mapping[str, str]) -> None:
        self.done: asyncio.Future[tuple[asyncio.Transport, bytes]] = asyncio.get_running_loop().create_future()
        self._key = base64.b64encode(secrets.token_bytes(16))
        self._request = _request(url, headers, self._key.decode())
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._received = 0
        self._headers: dict[bytes, bytes] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Read the response."""
        if self._parser is None or self._transport is None or self.done.done():
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
            if self._received > _MOST_HEAD_BYTES:
                self._fail(HandshakeRefused("the head of the response is too large"))
        except httptools.HttpParserUpgrade as upgraded:
            rest = data[upgraded.args[0] :]
            problem = self._problem(self._parser.get_status_code())
            self._parser = None
            if problem is not None:
                self._fail(HandshakeRefused(problem))
            else:
                self._transport.pause_reading()
                self.done.set_result((self._transport, rest))
        except httptools.HttpParserError:
            self._fail(HandshakeRefused("the response is not HTTP"))

    def connection_lost(self, exc: BaseException | None) -> None:
        """The node is gone."""
        self._transport = None
        self._fail(ConnectionResetError())

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store a header."""
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """An ordinary response is a refusal."""
        if self._parser is not None and not self._parser.should_upgrade():
            status = self._parser.get_status_code()
            if status >= 200 or status == _SWITCHING:
                self._fail(HandshakeRefused(f"HTTP {status}"))

    def abort(self) -> None:
        """Drop the connection; nothing waits for `done` any more."""
        self.done.cancel()
        if self._transport is not None:
            self._transport.abort()

    def _problem(self, status: int) -> str | None:
        accept = accept_key(self._key)
        headers = self._headers
        if status != _SWITCHING:
            return f"HTTP {status}"
        if headers.get(b"upgrade", b"").lower() != b"websocket" or headers.get(b"sec-websocket-accept") != accept:
            return "the response accepts no WebSocket"
        if headers.get(b"sec-websocket-extensions") or headers.get(b"sec-websocket-protocol"):
            return "the response has an extension or a subprotocol that was not offered"
        return None

    def _fail(self, failure: Exception) -> None:
        self._parser = None
        if not self.done.done():
            self.done.set_exception(failure)
        self.abort()


def _request(url: SplitResult, headers: Mapping[str, str], key: str) -> bytes:
    target, host = target_and_host(url)
    own = {
        "Host": host,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**headers, **own}.items())
    return f"GET {target} HTTP/1.1\r\n{lines}\r\n".encode("ascii", "replace")
