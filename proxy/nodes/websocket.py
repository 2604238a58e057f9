"""One WebSocket connection to a node: opened for one client's session, or for the streams that all share."""

import asyncio
import ssl
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import WebSocketWriter

from proxy.eventloop.deadline_timer import DeadlineTimer
from proxy.nodes.forwarded import client_headers
from proxy.nodes.http import NodeFailure

# Seconds to wait for a node's close frame.
_CLOSE_SECONDS = 1.0
_MOST_UNSENT = 65_536
"""Bytes that a node has not taken, beyond which its pings get no pong (RFC 6455, 5.5.3, wants the latest only)."""


class _Socket(aiohttp.ClientWebSocketResponse[bool]):
    def __init__(self, reader: Any, writer: WebSocketWriter, *args: Any, **options: Any) -> None:
        super().__init__(reader, writer, *args, **options)
        # All who wait in `send_frame` for the node to take more wait for one future: to end one would end them all.
        writer._limit = sys.maxsize

    @property
    def unsent(self) -> int:
        """Bytes that the node has not taken yet."""
        return self._writer.transport.get_write_buffer_size()

    async def pong(self, message: bytes = b"") -> None:
        """Answers a ping, unless the node takes nothing: nothing else would bound what it pings for."""
        if self.unsent < _MOST_UNSENT:
            await super().pong(message)

    def abort(self) -> None:
        """Drop the connection immediately: closing waits for unsent data, which a node that hangs never takes."""
        self._writer.transport.abort()
        # Three ways in which it would hold itself until Python looks for cycles.
        self._cancel_heartbeat()
        if isinstance(protocol := self._writer.protocol, ResponseHandler):
            protocol._data_received_cb = None
        if (error := self.exception()) is not None:
            error.__traceback__ = error.__context__ = None


class WebSocketConnector:
    """Opens connections to nodes; make it where an event loop runs.

    `connect_timeout`: seconds for connection and handshake. `ping_interval`: seconds without a word from the node
    until it is pinged; with no pong within half of that the connection is lost. `message_bytes`: the largest message
    taken.
    """

    def __init__(self, *, connect_timeout: float, ping_interval: float, message_bytes: int) -> None:
        self._connect_timeout = connect_timeout
        self._ping_interval = ping_interval
        self._message_bytes = message_bytes
        self._deadlines = DeadlineTimer()
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout),
            trust_env=False,
            ws_response_class=_Socket,  # type: ignore[arg-type]  # ws_connect decides whether it decodes
        )

    async def connect(
        self,
        name: str,
        url: str,
        client: str | None,
        tls: ssl.SSLContext | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        *,
        forwarded: bool = False,
    ) -> "NodeConnection":
        """Open a connection to the node `name` for the client at that IP address, or None for the proxy itself.

        The node reads who the client is at the handshake only, so that an identity is a connection. `tls`: verification
        for a wss:// `url`. `forwarded`: name the client by
        `Forwarded` as well. Raises NodeFailure; ValueError if `client` is not an IP address.
        """
        named = client_headers(client, forwarded=forwarded)
        try:
            async with asyncio.timeout(self._connect_timeout):
                socket: aiohttp.ClientWebSocketResponse[bool] = await self._http.ws_connect(
                    url,
                    headers={**headers, **named},
                    heartbeat=self._ping_interval,
                    max_msg_size=self._message_bytes,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_SECONDS),
                    ssl=tls or True,
                    decode_text=False,
                )
        except TimeoutError:
            raise NodeFailure("timeout", name, maybe_received=False) from None
        except (aiohttp.ClientError, OSError) as error:
            raise NodeFailure("refused", name, maybe_received=False, detail=_detail(error)) from None
        return NodeConnection(name, cast(_Socket, socket), self._deadlines)

    async def close(self) -> None:
        """Closes all connections that are still open."""
        await self._http.close()
        self._deadlines.close()


class NodeConnection:
    """A node's side of a session, or of the shared subscriptions.

    `deadlines`: for the requests sent on it.
    """

    def __init__(self, name: str, socket: _Socket, deadlines: DeadlineTimer) -> None:
        self.name = name
        self.deadlines = deadlines
        self.close_reason = ""
        """The reason that the node gave when it closed the connection."""
        self._socket = socket

    @property
    def unsent(self) -> int:
        """Bytes that the node has not taken yet."""
        return self._socket.unsent

    async def send(self, message: bytes) -> None:
        """Sends one message; does not wait for the node to take it. Raises NodeFailure where the connection is lost."""
        try:
            await self._socket.send_frame(message, aiohttp.WSMsgType.TEXT)
        except (aiohttp.ClientError, OSError):
            raise NodeFailure("disconnected", self.name) from None

    async def receive(self) -> bytes | None:
        """The node's next message; None once the connection has ended."""
        try:
            message = await self._socket.receive()
        except (aiohttp.ClientError, OSError):
            return None  # a pong could not be sent any more
        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            text: bytes = message.data
            return text
        if message.type is aiohttp.WSMsgType.CLOSE:
            self.close_reason = message.extra or ""
        return None

    @property
    def close_code(self) -> int | None:
        """The code that the connection was closed with; None while it is open, 1006 where it broke."""
        return self._socket.close_code

    @property
    def ping_timed_out(self) -> bool:
        """Whether it was closed because the node did not answer a ping."""
        return isinstance(self._socket.exception(), TimeoutError)

    def abort(self) -> None:
        """Drop the connection: `receive` then returns None."""
        self._socket.abort()

    async def close(self) -> None:
        """Closes the connection."""
        try:
            await self._socket.close()
        finally:
            self.abort()


def _detail(error: Exception) -> str:
    """Why no connection could be made. Without the node's URL, of which the path may be a key."""
    if isinstance(error, aiohttp.ClientResponseError):
        return f"HTTP {error.status}"
    return str(error) if isinstance(error, OSError) else type(error).__name__
