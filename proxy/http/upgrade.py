"""Connections that become WebSockets: aiohttp serves them from the handshake on."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from proxy.access.fair_share import FairShare
from proxy.http.connection import Connection
from proxy.http.protocol import NOT_HTTP
from proxy.http.request import Request
from proxy.http.response import REQUEST_ID, RETRY_SECONDS, SERVER
from proxy.http.websocket_frames import FrameCheck

REQUEST_ID_KEY = web.RequestKey("request_id", str)
"""The key of a handshake's request id, which its response has in a header."""

UpgradeHandler = Callable[[web.BaseRequest, Request], Awaitable[web.StreamResponse]]


class WebSocketHandler(RequestHandler):
    """aiohttp's protocol for a connection; it forwards the transport's events to the `Connection` it replaces."""

    __slots__ = ("_before", "_fair_share", "_frames", "_handshake", "_held", "_peer")

    def __init__(self, server: web.Server, before: Connection, handshake: Request) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # as its own documentation has it
            auto_decompress=False,
            lingering_time=0,
        )
        self._before = before
        self._handshake: Request | None = handshake
        self._frames: FrameCheck | None = None
        self._fair_share: FairShare | None = None
        self._peer = ""
        self._held = b""
        """Bytes received that wait for the client's turn."""

    def take_turns(self, fair_share: FairShare, peer: str) -> None:
        """Process what arrives from now on in turns of the client at the address `peer`, if it has to wait for these.

        aiohttp decompresses a message as soon as it has arrived: a thousand bytes become a million.
        """
        self._fair_share = fair_share
        self._peer = peer

    def begin(self, rest: bytes) -> None:
        """Read the request for a WebSocket, and as WebSocket frames `rest` and all that comes later."""
        if self._handshake is not None:
            self.data_received(self._handshake.head.serialize())
        self._frames = FrameCheck()
        self.data_received(rest)

    def data_received(self, data: bytes) -> None:
        """The client has sent something."""
        if self._frames is not None:
            data = self._frames.feed(data)
        if not data:
            return
        if self._fair_share is None or not (self._held or self._fair_share.must_wait(self._peer)):
            super().data_received(data)
            return
        if not self._held:
            self._fair_share.call_in_turn(self._peer, self._read_held)
        self._held += data
        if self.transport is not None:
            self.transport.pause_reading()

    def _read_held(self) -> None:
        held, self._held = self._held, b""
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        if not self._reading_paused:  # not also by aiohttp, which has a queue of messages
            transport.resume_reading()
        super().data_received(held)

    def take_request(self) -> Request:
        """Return the handshake, once: it is not held in memory for as long as the WebSocket lasts."""
        handshake, self._handshake = self._handshake, None
        if handshake is None:
            raise ConnectionResetError
        return handshake

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Respond to what aiohttp rejects, without naming the software or quoting what the client sent."""
        response = super().handle_error(request, status, exc, None)
        if status == 400 and isinstance(response, web.Response):
            response.body = NOT_HTTP
        response.headers["Server"] = SERVER
        return response

    def connection_lost(self, exc: BaseException | None) -> None:
        """The client is gone."""
        super().connection_lost(exc)
        self._before.connection_lost(exc)

    def pause_writing(self) -> None:
        """The client reads more slowly than data is written."""
        super().pause_writing()
        self._before.pause_writing()

    def resume_writing(self) -> None:
        """The client has read enough for more to be written."""
        super().resume_writing()
        self._before.resume_writing()


def unpack_in_turns(protocol: object, fair_share: FairShare, peer: str) -> None:
    """Make the WebSocket on `protocol`, of the client at the address `peer`, decompress messages in its turns."""
    if isinstance(protocol, WebSocketHandler):
        protocol.take_turns(fair_share, peer)


class WebSocketUpgrader:
    """Turns connections of one listener into WebSockets; `handler` serves each, or refuses it."""

    def __init__(self, handler: UpgradeHandler) -> None:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            protocol = request.protocol
            assert isinstance(protocol, WebSocketHandler)  # noqa: S101 - only made here
            response = await handler(request, protocol.take_request())
            if not response.prepared:  # refused; no further requests are served on this connection
                response.force_close()
            return response

        self._server = web.Server(handle, request_factory=_begin)

    def take(self, connection: Connection, request: Request, rest: bytes) -> None:
        """Serve a connection from now on: `request` has been received, and `rest` after it."""
        transport = connection.transport
        if transport is None:
            return
        protocol = WebSocketHandler(self._server, connection, request)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.begin(rest)

    async def shutdown(self, seconds: float) -> None:
        """Close all remaining ones, after `seconds` at the latest."""
        await self._server.shutdown(seconds)


def _begin(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: AbstractStreamWriter,
    task: "asyncio.Task[None]",
) -> web.BaseRequest:
    return _Handshake(message, payload, protocol, writer, task, asyncio.get_running_loop())


class _Handshake(web.BaseRequest):
    """The request for a WebSocket. Its response, 101 or a refusal, names this server and not aiohttp."""

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        response.headers["Server"] = SERVER
        if response.status == HTTPStatus.SERVICE_UNAVAILABLE:
            response.headers["Retry-After"] = str(RETRY_SECONDS)
        if REQUEST_ID_KEY in self:
            response.headers[REQUEST_ID] = self[REQUEST_ID_KEY]
