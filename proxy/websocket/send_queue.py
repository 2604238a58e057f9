"""What waits to be sent to one client: in order, and bounded in bytes."""

import asyncio
import struct
from collections import deque
from collections.abc import Callable

from aiohttp import ClientConnectionError, WSMsgType, web

from proxy.eventloop.compact_bytes import compact
from proxy.eventloop.compact_event import CompactEvent
from proxy.eventloop.unsent_bytes import UnsentBytes
from proxy.telemetry.fast_metrics import FastGauge
from proxy.websocket.deflate import Deflate

_UNSENT = 65_536
"""Bytes that the client's transport may hold unsent before messages are queued here."""
_COUNTED = 65_536
"""Bytes queued from which on they are reported: those of a client that reads as fast as it is sent are not."""


_SMALL = 4_096
"""Bytes below which a message may take much more memory than is counted."""


def text_frame(message: bytes) -> bytes:
    """The WebSocket frame (RFC 6455) by which a server sends a text, unmasked and not compressed."""
    size = len(message)
    if size < 126:
        return b"\x81%c%b" % (size, message)
    if size < 1 << 16:
        return b"\x81\x7e%b%b" % (struct.pack("!H", size), message)
    return b"\x81\x7f%b%b" % (struct.pack("!Q", size), message)


class SendQueue:
    """The messages for a client that its socket, on `transport`, has not taken; `run` sends them.

    `most_bytes`: of messages queued, or reserved for others (`reserve`). Beyond it `too_slow` is called, once, and the
    queue closes. `waiting`: the gauge of bytes queued for all clients. `unsent_bytes`: what waits for all clients, of
    which the proxy's HTTP connection reports what the transport holds, and this what is queued.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        most_bytes: int,
        waiting: FastGauge,
        unsent_bytes: UnsentBytes,
        too_slow: Callable[[], None],
    ) -> None:
        self._socket = socket
        # A client that negotiated permessage-deflate has every frame compressed by its own past.
        self._plain = None if socket.compress else transport
        self._most_bytes = most_bytes
        self._waiting = waiting
        self._unsent_bytes = unsent_bytes
        self._is_reported = False
        self._sending = 0
        """Bytes of the message that the transport has been given and that is queued until the client takes it."""
        self._too_slow = too_slow
        # None while there is nothing: an empty deque takes 0.8 kB.
        self._messages: deque[bytes] | None = None
        self._bytes = 0
        self._wake = CompactEvent()
        self._empty = CompactEvent()
        self._empty.set()
        self._closed = False
        self._deflate = Deflate(int(socket.compress))
        self.sent = 0
        """Messages that the socket has taken."""

    def put(self, message: bytes) -> None:
        """Queues a message (JSON text), or sends it at once where nothing waits. Never waits itself."""
        if self._closed:
            return
        if len(message) <= _UNSENT and (transport := self._direct_transport()) is not None:
            # To wake the task that empties the queue takes longer than the write.
            transport.write(text_frame(message))
            self.sent += 1
        elif self._has_room(len(message)):
            if self._messages is None:
                self._messages = deque()
            self._messages.append(compact(message) if len(message) < _SMALL else message)
            self._count(len(message))
            self._empty.clear()
            self._wake.set()

    def put_frames(self, messages: list[bytes], frames: bytes) -> None:
        """Queues messages of which `frames` are the WebSocket frames, or sends these at once where nothing waits."""
        if (transport := self._direct_transport()) is not None:
            transport.write(frames)
            self.sent += len(messages)
        else:
            for message in messages:
                self.put(message)

    def _direct_transport(self) -> asyncio.Transport | None:
        """The client's transport, where frames may be written to it as they are and nothing waits to be sent before."""
        transport = self._plain
        if (
            transport is None
            or self._messages
            or self._closed
            or self._socket.closed
            or transport.is_closing()
            or transport.get_write_buffer_size() > _UNSENT
        ):
            return None
        return transport

    def reserve(self, size: int) -> None:
        """Counts bytes that cannot be queued before something else is; negative when they can."""
        if not self._closed and (size < 0 or self._has_room(size)):
            self._count(size)

    def _has_room(self, size: int) -> bool:
        # One message alone may be larger than the bound, or a big answer could never be given.
        if self._bytes and self._bytes + size > self._most_bytes:
            self.shed()
            return False
        return True

    async def run(self) -> None:
        """Sends what is queued, until it is closed or the client is gone.

        Not to be cancelled: a large message is compressed in a task of aiohttp's own, whose failure nobody would hear
        of. It ends when the client's connection does.
        """
        while not self._closed:
            await self._wake.wait()
            self._wake.clear()
            while self._messages:
                self._sending = len(self._messages[0])
                try:
                    # The message has no name here: it would be held until the next one is sent.
                    await self._socket.send_frame(self._messages[0], WSMsgType.TEXT, self._deflate.next_window_bits())
                except (ClientConnectionError, OSError, RuntimeError) as failure:
                    # A large message is compressed in a task, and by its failure that would hold all of the session.
                    failure.__traceback__ = None
                    self.close()  # the reading side learns of it as well, and ends the session
                    return
                finally:
                    self._sending = 0
                if self._messages:  # not closed meanwhile
                    self._count(-len(self._messages.popleft()))
                    self.sent += 1
            self._messages = None
            self._empty.set()

    async def flushed(self) -> None:
        """Waits until nothing is queued. The caller sets the time."""
        while self._messages:  # not once only: more may have come by the time that this goes on
            await self._empty.wait()

    def unsent_bytes(self) -> int:
        """Bytes that are queued, and not held by the transport."""
        return self._bytes - self._sending

    def shed(self) -> None:
        """Disconnect the client, because too much waits for all clients and it is among the slowest."""
        too_slow = self._too_slow
        self.close()
        too_slow()

    def close(self) -> None:
        """Drop what is queued, and accept nothing more."""
        self._closed = True
        self._too_slow = _nothing  # which is the session's, and holds it
        self._messages = None
        self._count(-self._bytes)
        self._empty.set()
        self._wake.set()

    def _count(self, size: int) -> None:
        self._bytes += size
        self._waiting.inc(size)
        if self._is_reported or self._bytes > _COUNTED:
            self._is_reported = self._bytes > 0
            self._unsent_bytes.report(self, self.unsent_bytes() if self._is_reported else 0)


def _nothing() -> None:
    """What a queue that is closed calls."""
