"""One client's connection, and how long it may take: aiohttp's own waits for ever on a body, and on a slow reader."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

from aiohttp import StreamReader, web
from aiohttp.web_protocol import RequestHandler

from proxy.addresses import Exemption

Overdue = Literal["slow_head", "slow_body", "slow_reader"]

_LINGER_SECONDS = 2.0
"""For the rest of a body that was refused: to close at once would take the answer away from the client as well."""

_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}


@dataclass(frozen=True, slots=True)
class Terms:
    """What a listener grants its clients, in seconds, bytes a second and connections.

    `head`: for a request's head, and for a TLS handshake. `body`, `write`: until a body or the taking of an answer
    must have kept up with `least_rate`. `idle`: without a request.
    """

    head: float
    body: float
    write: float
    idle: float
    least_rate: int
    connections: int
    connections_per_address: int
    exempt: Exemption


class Connection(RequestHandler):
    """Knows what its client is taking its time over; the listener asks `overdue` at intervals and ends it."""

    __slots__ = (
        "_answering",
        "_arriving",
        "_body",
        "_body_since",
        "_closing_since",
        "_ended",
        "_head_since",
        "_received",
        "_stalled_bytes",
        "_stalled_since",
        "wire",
    )

    def __init__(self, server: web.Server, idle: float, ended: Callable[["Connection"], None]) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # as its own documentation has it
            keepalive_timeout=idle,
            lingering_time=_LINGER_SECONDS,
            # A compressed body is refused, as it is not JSON to rippled either.
            auto_decompress=False,
        )
        self.wire: asyncio.Transport | None = None
        """The transport, also while it is closing."""
        self._ended = ended
        self._head_since: float | None = None
        self._received = 0
        self._answering = False
        self._arriving: StreamReader | None = None
        self._body: StreamReader | None = None
        self._body_since = 0.0
        self._stalled_since: float | None = None
        self._stalled_bytes = 0
        self._closing_since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client is there, and is to send the head of a request."""
        self.wire = cast(asyncio.Transport, transport)
        self._head_since = self._loop.time()
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The client is gone."""
        super().connection_lost(exc)
        if self._arriving is not None and not self._arriving.is_eof():
            self._arriving.feed_eof()  # or the rest of a refused body would be waited for all the same
        self._arriving = self._body = None
        self._ended(self)

    def data_received(self, data: bytes) -> None:
        """The client sent something: within a request, or the beginning of one."""
        self._received += len(data)
        if data and self._head_since is None and not self._answering:
            self._head_since = self._loop.time()
            self._received = len(data)
        super().data_received(data)

    def began(self, body: StreamReader) -> None:
        """A request's head is there, and its handler begins."""
        self._answering = True
        self._head_since = None
        self._arriving = self._body = body
        self._body_since = self._loop.time()
        self._received = 0

    async def finish_response(self, *args: Any, **named: Any) -> Any:
        """Sends the answer; then the client may send its next request."""
        try:
            return await super().finish_response(*args, **named)
        finally:
            self._answering = False
            self._body = None

    def pause_writing(self) -> None:
        """The client does not take its answer as fast as it could be sent."""
        super().pause_writing()
        self._stalled_since = self._loop.time()
        self._stalled_bytes = self._waiting()

    def resume_writing(self) -> None:
        """It has taken it."""
        super().resume_writing()
        self._stalled_since = None

    @property
    def idle(self) -> bool:
        """Whether there is no request, nor a part of one."""
        return not self._answering and (self._head_since is None or not self._received)

    def overdue(self, now: float, terms: Terms) -> Overdue | None:
        """What the client has taken too long over, at the loop's time `now`; None while it is in time."""
        if self.wire is not None and self.wire.is_closing():
            self._closing_since = now if self._closing_since is None else self._closing_since
            return "slow_reader" if now - self._closing_since > terms.write else None
        if self._head_since is not None and now - self._head_since > terms.head:
            return "slow_head"
        if self._stalled_since is not None:
            taken = max(0, self._stalled_bytes - self._waiting())
            if now - self._stalled_since > terms.write + taken / terms.least_rate:
                return "slow_reader"
        if self._body is None or self._body.is_eof():
            return None
        return "slow_body" if now - self._body_since > terms.body + self._received / terms.least_rate else None

    def end(self, overdue: Overdue) -> None:
        """Ends what takes too long: a body with an answer that says so, all else with the connection."""
        if overdue == "slow_body" and self._body is not None:
            self._body.set_exception(TimeoutError())  # its reader answers with status 408
            self._body = None
        elif self.wire is not None:
            self.wire.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answers what is not HTTP, without telling what this is made of, nor what the client sent."""
        response = super().handle_error(request, status, exc, None)
        if status == 400 and isinstance(response, web.Response):
            response.text = "Bad Request: this is not HTTP/1.1 as it is understood here\r\n"
        response.headers["Server"] = SERVER
        return response

    def _waiting(self) -> int:
        return 0 if self.wire is None else self.wire.get_write_buffer_size()


SERVER = "xrpl-version-proxy"
"""What answers call themselves."""


def prepare_socket(connection: socket.socket, unheard_seconds: float) -> None:
    """Has the system find out about clients that have vanished, or take nothing for `unheard_seconds`.

    The second matters with TLS, where what is encrypted waits further down than the connection can see.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {**_KEEPALIVE, "TCP_USER_TIMEOUT": int(unheard_seconds * 1000)}
    for name, value in options.items():
        if hasattr(socket, name):  # Linux has them all
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
