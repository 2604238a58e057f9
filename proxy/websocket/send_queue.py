"""The queue of messages to one client: in order, and bounded in bytes."""

import asyncio
from collections import deque
from collections.abc import Callable

from proxy.eventloop.compact_bytes import compact
from proxy.eventloop.compact_event import CompactEvent
from proxy.eventloop.unsent_bytes import UnsentBytes
from proxy.http.client_websocket import ClientWebSocket
from proxy.http.websocket_frames import write_frame
from proxy.telemetry.fast_metrics import FastGauge
from proxy.websocket.deflate import Deflate

_UNSENT = 65_536
"""Bytes of a message from which on it counts as queued until the client has read nearly all of it."""
_COUNTED = 65_536
"""Queued bytes above which they are reported, so that clients that keep up are not."""
_SMALL = 4_096
"""A message with fewer bytes may take much more memory than is counted."""
_COMPRESSED_HERE = 65_536
"""Bytes of a message up to which it is compressed in the event loop; a larger one in a thread."""


class SendQueue:
    """The messages to a client that its `socket` has not accepted yet.

    `most_bytes`: of queued messages, and of those reserved (`reserve`). Beyond it `too_slow` is called, once, and the
    queue closes. `waiting`: the gauge of bytes queued for all clients. `unsent_bytes`: counts what waits for all
    clients; the HTTP connection reports the transport's part, this class what is queued.
    """

    def __init__(
        self,
        socket: ClientWebSocket,
        most_bytes: int,
        waiting: FastGauge,
        unsent_bytes: UnsentBytes,
        too_slow: Callable[[], None],
    ) -> None:
        self._socket = socket
        socket.on_writable = self._send_queued
        # With permessage-deflate the frames differ for each client.
        self._deflate = Deflate(socket.compression) if socket.compression.window_bits else None
        self._compressing: asyncio.Task[None] | None = None
        """Compresses the first of the queued messages, in a thread."""
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
        self._empty = CompactEvent()
        self._empty.set()
        self._closed = False
        self.sent = 0
        """Messages sent."""

    def put(self, message: bytes) -> None:
        """Send a message (JSON text) immediately if nothing is queued, else queue it. Never waits."""
        if self._closed:
            return
        if len(message) <= _UNSENT and self._messages is None and not self._socket.is_write_paused:
            self._socket.write(write_frame(message) if self._deflate is None else self._frame(message))
            self.sent += 1
        elif self._has_room(len(message)):
            if self._messages is None:
                self._messages = deque()
            self._messages.append(compact(message) if len(message) < _SMALL else message)
            self._count(len(message))
            self._empty.clear()
            self._send_queued()

    def put_frames(self, messages: list[bytes], frames: bytes) -> None:
        """Send messages, whose WebSocket frames are `frames`, immediately if nothing is queued, else queue them."""
        socket = self._socket
        if self._deflate is None and self._messages is None and not (self._closed or socket.is_write_paused):
            socket.write_now(frames)
            self.sent += len(messages)
        else:
            for message in messages:
                self.put(message)

    def _frame(self, message: bytes) -> bytes:
        if self._deflate is None:
            return write_frame(message)
        self._deflate.count()
        return write_frame(self._deflate.compress(message), compressed=True)

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

    def _send_queued(self) -> None:
        """Send what is queued, as far as the client reads it."""
        if self._sending and not self._socket.is_write_paused:
            self._sent_first()
        while self._messages and not self._sending and self._compressing is None:
            message = self._messages[0]
            if self._deflate is not None and len(message) > _COMPRESSED_HERE:
                self._compressing = asyncio.create_task(self._compress_first(self._deflate, message))
                return
            frame, size = self._frame(message), len(message)
            del message
            self._write_first(frame, size)

    def _write_first(self, frame: bytes, size: int) -> None:
        """Write the frame of the first queued message, which is in memory only once then."""
        if self._messages:
            self._messages[0] = b""
        self._sending = size
        self._socket.write(frame)
        if not self._socket.is_write_paused:
            self._sent_first()

    def _sent_first(self) -> None:
        """The client has read nearly all of the first queued message."""
        size, self._sending = self._sending, 0
        if self._messages:  # not closed in the meantime
            self._messages.popleft()
            self._count(-size)
            self.sent += 1
            if not self._messages:
                self._messages = None
                self._empty.set()

    async def _compress_first(self, deflate: Deflate, message: bytes) -> None:
        deflate.count()
        size = len(message)
        payload = await asyncio.to_thread(deflate.compress, message)
        del message
        self._compressing = None
        if not self._closed:
            self._write_first(write_frame(payload, compressed=True), size)
            self._send_queued()

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
        self._sending = 0
        self._socket.on_writable = _nothing
        self._count(-self._bytes)
        self._empty.set()

    def _count(self, size: int) -> None:
        self._bytes += size
        self._waiting.inc(size)
        if self._is_reported or self._bytes > _COUNTED:
            self._is_reported = self._bytes > 0
            self._unsent_bytes.report(self, self.unsent_bytes() if self._is_reported else 0)


def _nothing() -> None:
    """Does nothing: for a closed queue."""
