"""Connections that become WebSockets: the handshake is answered by a handler, which serves the WebSocket."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from proxy.access.fair_share import FairShare
from proxy.eventloop.write_batcher import WriteBatcher
from proxy.http.client_websocket import ClientWebSocket
from proxy.http.connection import Connection
from proxy.http.request import Request
from proxy.http.response import Response
from proxy.http.websocket_handshake import Compression, accept_response, negotiate_compression

log = structlog.get_logger(__name__)


class Upgrade:
    """A client's handshake, on the connection `before`, to which the server has not responded.

    `received`: what the client sent after it.
    """

    def __init__(self, before: Connection, transport: asyncio.Transport, request: Request, received: bytes) -> None:
        self._before = before
        self._transport = transport
        self._request: Request | None = request
        self._received = received

    @property
    def request(self) -> Request:
        """The handshake, until it is accepted: it is not held in memory for as long as the WebSocket lasts.

        Raises ConnectionResetError after that.
        """
        if self._request is None:
            raise ConnectionResetError
        return self._request

    def accept(
        self,
        peer: str,
        fair_share: FairShare,
        write_batcher: WriteBatcher,
        *,
        compress: bool,
        max_size: int,
        ping_interval: float,
    ) -> ClientWebSocket:
        """Accept the handshake; return the client's WebSocket, which is to be started.

        `peer`: the client's address. `compress`: whether messages are compressed if the client offers that. Raises
        ConnectionResetError if the client is gone.
        """
        request, transport, before = self.request, self._transport, self._before
        if transport.is_closing():
            raise ConnectionResetError
        compression = negotiate_compression(request.head) if compress else Compression()
        transport.write(accept_response(request.head, compression, request.id))
        self._request = None
        received, self._received = self._received, b""
        return ClientWebSocket(
            transport, received, before, compression, max_size, ping_interval, write_batcher, fair_share, peer
        )

    def refuse(self, response: Response) -> None:
        """Respond with a refusal instead, and close the connection."""
        request, transport = self.request, self._transport
        if transport.is_closing():
            return
        is_1_1 = request.head.is_1_1
        for piece in response.encode(is_1_1=is_1_1, keep_alive=False, with_body=True, request_id=request.id):
            transport.write(piece)
        transport.close()

    def abort(self) -> None:
        """Drop the connection."""
        self._transport.abort()


UpgradeHandler = Callable[[Upgrade], Awaitable[Response | None]]
"""Serves a client's WebSocket until it ends, or returns the refusal of its handshake."""


class WebSocketUpgrader:
    """Turns connections of one listener into WebSockets; `handler` serves each, or refuses it."""

    def __init__(self, handler: UpgradeHandler) -> None:
        self._handler = handler
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, connection: Connection, request: Request, rest: bytes) -> None:
        """Serve a connection from now on: `request` has been received, and `rest` after it."""
        transport = connection.transport
        if transport is None:
            return
        transport.pause_reading()
        upgrade = Upgrade(connection, transport, request, rest)
        task = asyncio.get_running_loop().create_task(self._serve(upgrade))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, upgrade: Upgrade) -> None:
        try:
            response = await self._handler(upgrade)
            if response is not None:
                upgrade.refuse(response)
        except ConnectionResetError:
            upgrade.abort()
        except Exception:
            log.exception("websocket_failed")
            upgrade.abort()

    async def shutdown(self, seconds: float) -> None:
        """Wait for all remaining ones to end, and cancel them after `seconds`."""
        if not self._tasks:
            return
        await asyncio.wait(self._tasks, timeout=seconds)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
