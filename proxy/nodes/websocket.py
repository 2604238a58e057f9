"""WebSocket connections to nodes: for one client's session, or for the streams that sessions share."""

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
"""Unsent bytes beyond which a node's pings get no pong (RFC 6455, 5.5.3, requires a pong to the latest only)."""


class _Socket(aiohttp.ClientWebSocketResponse[bool]):
    def __init__(self, reader: Any, writer: WebSocketWriter, *args: Any, **options: Any) -> None:
        super().__init__(reader, writer, *args, **options)
        # All callers of `send_frame` that wait for the node wait for one future: cancelling one would cancel them all.
        writer._limit = sys.maxsize

    @property
    def unsent(self) -> int:
        """Bytes that the node has not read yet."""
        return self._writer.transport.get_write_buffer_size()

    async def pong(self, message: bytes = b"") -> None:
        """Answer a ping, unless the node does not read: nothing else would bound the pongs."""
        if self.unsent < _MOST_UNSENT:
            await super().pong(message)

    def abort(self) -> None:
        """Drop the connection immediately: closing waits for unsent data, which a node that hangs never reads."""
        self._writer.transport.abort()
        # Three reference cycles, which would last until the garbage collector runs.
        self._cancel_heartbeat()
        if isinstance(protocol := self._writer.protocol, ResponseHandler):
            protocol._data_received_cb = None
        if (error := self.exception()) is not None:
            error.__traceback__ = error.__context__ = None


class WebSocketConnector:
    """Opens connections to nodes. Create it within an event loop.

    `connect_timeout`: seconds for connection and handshake. `ping_interval`: seconds of silence until the node is
    pinged; without a pong within half of that the connection is lost. `message_bytes`: the largest message accepted.
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

        The node reads the client's address at the handshake only, so each client has its own connection. `tls`:
        verification for a wss:// `url`. `forwarded`: send the address in `Forwarded` as well. Raises NodeFailure;
        ValueError if `client` is not an IP address.
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
        """Close all connections that are still open."""
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
        """Bytes that the node has not read yet."""
        return self._socket.unsent

    def send(self, message: bytes) -> None:
        """Send one message; does not wait for the node to read it. Raises NodeFailure if the connection is lost."""
        try:
            # It would wait for the node to take what is unsent, which `_Socket` has it not do.
            self._socket.send_frame(message, aiohttp.WSMsgType.TEXT).send(None)
        except StopIteration:
            pass
        except (aiohttp.ClientError, OSError):
            raise NodeFailure("disconnected", self.name) from None

    async def receive(self) -> bytes | None:
        """The node's next message; None once the connection has ended."""
        try:
            message = await self._socket.receive()
        except (aiohttp.ClientError, OSError):
            return None  # a pong could not be sent
        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            text: bytes = message.data
            return text
        if message.type is aiohttp.WSMsgType.CLOSE:
            self.close_reason = message.extra or ""
        return None

    @property
    def close_code(self) -> int | None:
        """The code that the connection was closed with; None while it is open, 1006 if it broke."""
        return self._socket.close_code

    @property
    def ping_timed_out(self) -> bool:
        """Whether it was closed because the node did not answer a ping."""
        return isinstance(self._socket.exception(), TimeoutError)

    def abort(self) -> None:
        """Drop the connection: `receive` then returns None."""
        self._socket.abort()

    async def close(self) -> None:
        """Close the connection."""
        try:
            await self._socket.close()
        finally:
            self.abort()


def _detail(error: Exception) -> str:
    """Why no connection could be made. Without the node's URL, whose path may be a key."""
    if isinstance(error, aiohttp.ClientResponseError):
        return f"HTTP {error.status}"
    return str(error) if isinstance(error, OSError) else type(error).__name__
