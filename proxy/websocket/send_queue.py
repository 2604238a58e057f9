"""The queue of messages to one client: in order, and bounded in bytes."""

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
"""Unsent bytes in the client's transport above which messages are queued here."""
_COUNTED = 65_536
"""Queued bytes above which they are reported, so that clients that keep up are not."""


_SMALL = 4_096
"""A message with fewer bytes may take much more memory than is counted."""


def text_frame(message: bytes) -> bytes:
    """The WebSocket frame (RFC 6455) of a server's text message, unmasked and uncompressed."""
    size = len(message)
    if size < 126:
        return b"\x81%c%b" % (size, message)
    if size < 1 << 16:
        return b"\x81\x7e%b%b" % (struct.pack("!H", size), message)
    return b"\x81\x7f%b%b" % (struct.pack("!Q", size), message)


class SendQueue:
    """The messages to a client that its socket, on `transport`, has not accepted yet; `run` sends them.

    `most_bytes`: of queued messages, and of those reserved (`reserve`). Beyond it `too_slow` is called, once, and the
    queue closes. `waiting`: the gauge of bytes queued for all clients. `unsent_bytes`: counts what waits for all
    clients; the HTTP connection reports the transport's part, this class what is queued.
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
        # With permessage-deflate the frames differ for each client.
        self._plain = None if socket.compress else transport
        self._most_bytes = most_bytes
        self._waiting = waiting
        self._unsent_bytes = unsent_bytes
        self._is_reported = False
        self._sending = 0
        """Bytes of the message that is in the transport, and counts as queued until the client reads it."""
        self._too_slow = too_slow
        # None while empty: an empty deque takes 0.8 kB.
        self._messages: deque[bytes] | None = None
        self._bytes = 0
        self._wake = CompactEvent()
        self._empty = CompactEvent()
        self._empty.set()
        self._closed = False
        self._deflate = Deflate(int(socket.compress))
        self.sent = 0
        """Messages sent."""

    def put(self, message: bytes) -> None:
        """Send a message (JSON text) immediately if nothing is queued, else queue it. Never waits."""
        if self._closed:
            return
        if len(message) <= _UNSENT and (transport := self._direct_transport()) is not None:
            # Waking the task that empties the queue takes longer than the write.
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
        """Send messages, whose WebSocket frames are `frames`, immediately if nothing is queued, else queue them."""
        if (transport := self._direct_transport()) is not None:
            transport.write(frames)
            self.sent += len(messages)
        else:
            for message in messages:
                self.put(message)

    def _direct_transport(self) -> asyncio.Transport | None:
        """The client's transport, if frames may be written to it directly and nothing is queued."""
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
        """Count bytes that wait for an earlier message to be queued; negative to release them."""
        if not self._closed and (size < 0 or self._has_room(size)):
            self._count(size)

    def _has_room(self, size: int) -> bool:
        # A single message may be larger than the bound, or a large response could never be sent.
        if self._bytes and self._bytes + size > self._most_bytes:
            self.shed()
            return False
        return True

    async def run(self) -> None:
        """Send what is queued, until it is closed or the client is gone.

        Must not be cancelled: aiohttp compresses a large message in its own task, whose failure would be lost. It ends
        with the client's connection.
        """
        while not self._closed:
            await self._wake.wait()
            self._wake.clear()
            while self._messages:
                self._sending = len(self._messages[0])
                try:
                    # The message is not assigned to a variable, which would hold it until the next one is sent.
                    await self._socket.send_frame(self._messages[0], WSMsgType.TEXT, self._deflate.next_window_bits())
                except (ClientConnectionError, OSError, RuntimeError) as failure:
                    # A large message is compressed in a task, whose failure would hold all of the session.
                    failure.__traceback__ = None
                    self.close()  # the reading side gets the error as well, and ends the session
                    return
                finally:
                    self._sending = 0
                if self._messages:  # not closed in the meantime
                    self._count(-len(self._messages.popleft()))
                    self.sent += 1
            self._messages = None
            self._empty.set()

    async def flushed(self) -> None:
        """Wait until nothing is queued. The caller limits the time."""
        while self._messages:  # more may have been queued by the time this continues
            await self._empty.wait()

    def unsent_bytes(self) -> int:
        """Bytes that are queued, without those in the transport."""
        return self._bytes - self._sending

    def shed(self) -> None:
        """Disconnect the client, because too much waits for all clients and it is among the slowest."""
        too_slow = self._too_slow
        self.close()
        too_slow()

    def close(self) -> None:
        """Drop what is queued, and accept nothing more."""
        self._closed = True
        self._too_slow = _nothing  # a method of the session, which would hold it
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
    """Does nothing: for a closed queue."""
