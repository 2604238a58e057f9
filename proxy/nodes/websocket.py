"""WebSocket connections to nodes: for one client's session, or for the streams that sessions share."""

import asyncio
import ssl
from collections.abc import Mapping
from time import monotonic
from types import MappingProxyType
from urllib.parse import urlsplit

from proxy.access.client_address import limit_key
from proxy.eventloop.read_rotation import ReadRotation
from proxy.eventloop.write_batcher import WriteBatcher
from proxy.http.websocket_connection import NORMAL_CLOSURE, WebSocketConnection
from proxy.http.websocket_frames import FrameReader, write_masked_frame
from proxy.nodes.forwarded import client_headers
from proxy.nodes.http import NodeFailure
from proxy.nodes.large_responses import LARGE_BYTES, LargeResponses, Room
from proxy.nodes.websocket_handshake import Handshake, HandshakeRefused

# Seconds to wait for a node's close frame.
_CLOSE_SECONDS = 1.0


class WebSocketConnector:
    """Opens connections to nodes. Create it within an event loop.

    `connect_timeout`: seconds for connection and handshake. `ping_interval`: seconds of silence until the node is
    pinged; without a pong within half of that the connection is lost. `message_bytes`: the largest message accepted.
    """

    def __init__(self, *, connect_timeout: float, ping_interval: float, message_bytes: int) -> None:
        self._connect_timeout = connect_timeout
        self._ping_interval = ping_interval
        self._message_bytes = message_bytes
        self._read_rotation = ReadRotation()
        self.write_batcher = WriteBatcher()
        """For the small messages of sessions, in both directions."""
        self._loop = asyncio.get_running_loop()
        self._system_trust: ssl.SSLContext | None = None

    async def connect(
        self,
        name: str,
        url: str,
        client: str | None,
        tls: ssl.SSLContext | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        *,
        forwarded: bool = False,
        large_responses: LargeResponses | None = None,
    ) -> "NodeConnection":
        """Open a connection to the node `name` for the client at that IP address, or None for the proxy itself.

        The node reads the client's address at the handshake only, so each client has its own connection. `tls`:
        verification for a wss:// `url`. `forwarded`: send the address in `Forwarded` as well. `large_responses`: the
        room for large messages to the client. Raises NodeFailure; ValueError if `client` is not an IP address.
        """
        parts = urlsplit(url)
        handshake = Handshake(parts, {**headers, **client_headers(client, forwarded=forwarded)})
        is_secure = parts.scheme == "wss"
        connected = False
        try:
            async with asyncio.timeout(self._connect_timeout):
                await self._loop.create_connection(
                    lambda: handshake,
                    parts.hostname or "",
                    parts.port or (443 if is_secure else 80),
                    ssl=(tls or self._trust()) if is_secure else None,
                )
                transport, received = await handshake.done
                connected = True
        except TimeoutError:
            raise NodeFailure("timeout", name, maybe_received=False) from None
        except HandshakeRefused as refused:
            raise NodeFailure("refused", name, maybe_received=False, detail=str(refused)) from None
        except OSError as error:
            raise NodeFailure("refused", name, maybe_received=False, detail=str(error)) from None
        finally:
            if not connected:
                handshake.abort()
        frames = FrameReader(masked=False, max_size=self._message_bytes)
        frames.feed(received)
        interval, batcher, rotation = self._ping_interval, self.write_batcher, self._read_rotation
        connection = NodeConnection(name, transport, frames, interval, batcher, rotation)
        if client is not None and large_responses is not None:
            connection.bound_large(large_responses, limit_key(client), self._message_bytes)
        return connection

    def _trust(self) -> ssl.SSLContext:
        if self._system_trust is None:
            self._system_trust = ssl.create_default_context()
        return self._system_trust


class NodeConnection(WebSocketConnection):
    """A node's side of a session, or of the shared subscriptions.

    `name`: of the node. The other arguments as of `WebSocketConnection`.
    """

    __slots__ = ("_client", "_large_responses", "_most_bytes", "name", "room")

    _write_frame = staticmethod(write_masked_frame)

    def __init__(
        self,
        name: str,
        transport: asyncio.Transport,
        frames: FrameReader,
        ping_interval: float,
        write_batcher: WriteBatcher,
        read_rotation: ReadRotation,
    ) -> None:
        self.name = name
        self.room: Room | None = None
        """That of a large message: of the one that is being received, or passed to `on_message`."""
        self._large_responses: LargeResponses | None = None
        self._client = ""
        self._most_bytes = 0
        super().__init__(transport, frames, ping_interval, write_batcher, read_rotation)

    def bound_large(self, large_responses: LargeResponses, client: str, most_bytes: int) -> None:
        """Have large messages, of at most `most_bytes`, wait for room for the responses to `client`."""
        self._large_responses, self._client, self._most_bytes = large_responses, client, most_bytes

    def _part_received(self) -> None:
        """Read the rest of a large message when there is room for it."""
        if self.room is None and self._large_responses is not None and self._frames.message_bytes >= LARGE_BYTES:
            size = self._frames.message_bytes if self._frames.is_last else self._most_bytes
            self.room = self._large_responses.begin(self._client, size, self)
            if self._waits_for_room:
                self.pause_reading()

    @property
    def _waits_for_room(self) -> bool:
        return self.room is not None and not self.room.is_free

    def resume_reading(self) -> None:
        """Read on, unless the connection is paused or closed, or waits for room."""
        if not self._waits_for_room:
            super().resume_reading()

    def connection_lost(self, exc: BaseException | None) -> None:
        """The node is gone."""
        self.room = None
        super().connection_lost(exc)

    def _check_heartbeat(self) -> None:
        if self._waits_for_room:  # it is not silent, but not read
            self._heard_at = monotonic()
        super()._check_heartbeat()

    def send(self, message: bytes) -> None:
        """Send one message; does not wait for the node to read it. Raises NodeFailure if the connection is lost."""
        transport = self.transport
        if transport is None or self._close_sent or transport.is_closing():
            raise NodeFailure("disconnected", self.name)
        self._write_soon(write_masked_frame(message))

    async def close(self, code: int = NORMAL_CLOSURE, reason: bytes = b"") -> None:
        """Close the connection: drop what the node does not read, and wait a little for its close frame."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await super().close(code, reason)
        except TimeoutError:
            pass
        finally:
            self.abort()
