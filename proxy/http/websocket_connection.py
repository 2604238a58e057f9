"""One WebSocket connection, of either side: its messages, control frames, heartbeat and closing handshake."""

import asyncio
import zlib
from collections.abc import Callable
from time import monotonic

from proxy.eventloop.read_rotation import LARGE_BYTES, ReadRotation
from proxy.eventloop.write_batcher import WriteBatcher
from proxy.http.websocket_frames import (
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    PROTOCOL_ERROR,
    FrameError,
    FrameReader,
    read_close,
    write_close,
)

NORMAL_CLOSURE, ABNORMAL_CLOSURE = 1000, 1006
"""Codes of a connection that was closed for no special reason, and of one that ended without a close frame."""
_SMALL = 4_096
"""Bytes of a frame up to which it is written together with others."""
_MOST_UNWRITTEN = 16_384
"""Bytes of frames up to which they wait to be written together: what waits is not yet known to the transport."""
_MOST_UNSENT = 65_536
"""Unsent bytes beyond which pings get no pong (RFC 6455, 5.5.3, requires one to the latest only)."""


class WebSocketConnection(asyncio.Protocol):
    """The WebSocket on `transport`, after its handshake. Nothing is read until `start`.

    `frames`: reads what the other side sends, and has what came with the handshake. `ping_interval`: seconds of silence
    until the other side is pinged; without a word from it within half of that the connection is lost. `write_batcher`:
    for small messages. `read_rotation`: in which large messages are read.
    """

    __slots__ = (
        "_close_sent",
        "_frames",
        "_heard_at",
        "_is_paused",
        "_loop",
        "_on_end",
        "_on_message",
        "_ping_interval",
        "_pinged_at",
        "_read_rotation",
        "_timer",
        "_unwritten",
        "_waiter",
        "_write_batcher",
        "after_read",
        "close_code",
        "close_reason",
        "ping_timed_out",
        "transport",
        "violation",
    )

    _write_frame: Callable[[bytes, int], bytes]
    """The frame of a message that this side sends, from its payload and opcode."""

    def __init__(
        self,
        transport: asyncio.Transport,
        frames: FrameReader,
        ping_interval: float,
        write_batcher: WriteBatcher,
        read_rotation: ReadRotation | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._frames = frames
        self._on_message: Callable[[bytes], None] = _ignore
        self._on_end: Callable[[], None] = _nothing
        self._is_paused = True
        self._read_rotation = read_rotation
        self._ping_interval = ping_interval
        self._heard_at = monotonic()
        self._pinged_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._write_batcher = write_batcher
        self._unwritten = b""
        """Frames to write at the end of the event loop's iteration."""
        self._close_sent = False
        self._waiter: asyncio.Future[None] | None = None
        """Is done when the other side has sent its close frame, or is gone; None unless `close` waits for that."""
        self.transport: asyncio.Transport | None = transport
        """None once the connection is lost."""
        self.close_code: int | None = None
        """The code that the other side closed it with, or that its violation has; None while it is open."""
        self.close_reason = ""
        """The reason in the other side's close frame."""
        self.violation = False
        """Whether the other side violated the protocol."""
        self.ping_timed_out = False
        self.after_read: Callable[[], None] | None = None
        """Is called after the messages that were received together, if it is set."""
        transport.pause_reading()
        transport.set_protocol(self)

    def start(self, on_message: Callable[[bytes], None], on_end: Callable[[], None]) -> None:
        """Pass each message to `on_message` as it arrives, which must not raise, and call `on_end` after the last."""
        self._on_message = on_message
        self._on_end = on_end
        if self.transport is None or self.close_code is not None:
            self._loop.call_soon(on_end)
            return
        self._timer = self._loop.call_later(self._ping_interval, self._check_heartbeat)
        self.resume()

    def stop(self) -> None:
        """Ignore what still comes, also the end."""
        self._on_message, self._on_end, self.after_read = _ignore, _nothing, None

    # Receiving

    def data_received(self, data: bytes) -> None:
        """The other side has sent something."""
        self._heard_at = monotonic()
        if not self._is_paused and (message := self._frames.read_text(data)) is not None:
            self._on_message(message)
            if self.after_read is not None:
                self.after_read()
            return
        self._frames.feed(data)
        self._read()
        self._part_received()
        if len(data) >= LARGE_BYTES and self._read_rotation is not None and not self._is_paused and self.is_open:
            self._read_rotation.piece_received(self)

    def _part_received(self) -> None:
        """Something has arrived that is not a single short message."""

    def pause_reading(self) -> None:
        """Wait for the next turn in the rotation."""
        if self.transport is not None:
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on, unless the connection is paused or closed."""
        if not self._is_paused and self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def pause(self) -> None:
        """Read no more until `resume`: not even what has been received."""
        self._is_paused = True
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        self._is_paused = False
        self._read()
        self.resume_reading()

    def _read(self) -> None:
        """Process what has been received, until reading is paused."""
        while not self._is_paused and self._read_frame():
            pass
        if self.after_read is not None:
            self.after_read()

    def _read_frame(self) -> bool:
        """Process one frame; False if more has to be received."""
        if self.violation:
            self._frames.drop()
            return False
        try:
            frame = self._frames.next()
            if frame is not None:
                self._on_frame(*frame)
        except (FrameError, zlib.error) as violation:
            self.violation = True
            self._end(violation.code if isinstance(violation, FrameError) else PROTOCOL_ERROR)
            return False
        return frame is not None

    def _on_frame(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            if self.unsent() < _MOST_UNSENT:
                self._send_frame(payload, PONG)
        elif opcode == CLOSE:
            code, reason = read_close(payload)
            if self.close_code is None:
                self.close_reason = reason
            self._end(code)
        elif opcode not in (PONG, CONTINUATION) and self.close_code is None:
            self._on_message(payload)

    def _end(self, code: int) -> None:
        """No message comes any more."""
        self._wake()
        if self.close_code is not None:
            return
        self.close_code = code
        self._stop_heartbeat()
        self._on_message = _ignore
        on_end, self._on_end = self._on_end, _nothing
        on_end()

    # Sending

    def unsent(self) -> int:
        """Bytes that the other side has not read yet."""
        return self.transport.get_write_buffer_size() + len(self._unwritten) if self.transport is not None else 0

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self.transport is not None and not self._close_sent and not self.transport.is_closing()

    def _send_frame(self, payload: bytes, opcode: int) -> None:
        if self.is_open:
            self._write_soon(self._write_frame(payload, opcode))

    def _write_soon(self, frame: bytes) -> None:
        """Write a frame, a small one together with what other connections write in this iteration of the event loop.

        Several of this connection are one write then.
        """
        unwritten = self._unwritten
        if len(frame) > _SMALL or len(unwritten) > _MOST_UNWRITTEN:
            self.flush()
            self._write(frame)
        elif unwritten:
            self._unwritten = unwritten + frame
        else:
            self._unwritten = frame
            self._write_batcher.add(self)

    def flush(self) -> None:
        """Write what was deferred to the end of the iteration."""
        frames = self._unwritten
        if frames:
            self._unwritten = b""
            self._write(frames)

    def _write(self, frames: bytes) -> None:
        transport = self.transport
        if transport is not None and not transport.is_closing():
            transport.write(frames)

    # Closing

    async def close(self, code: int = NORMAL_CLOSURE, reason: bytes = b"") -> None:
        """Send a close frame, wait for the other side's, and close the connection once everything is sent.

        The caller limits the time.
        """
        self._stop_heartbeat()
        self._on_message = _ignore
        self._send_frame(write_close(code, reason), CLOSE)
        self._close_sent = True
        if self.transport is not None and self.close_code is None:
            self.resume()
            await self._wait()
        if self.transport is not None:
            self.flush()
            self.transport.close()
            await self._wait()

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def abort(self) -> None:
        """Drop the connection immediately, with what is unsent."""
        self._stop_heartbeat()
        if self.transport is not None:
            self.transport.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        """The other side is gone."""
        self.transport = None
        self._wake()
        self._end(ABNORMAL_CLOSURE)

    # Heartbeat

    def _stop_heartbeat(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check_heartbeat(self) -> None:
        """Ping the other side if it has been silent, and drop the connection if it was pinged in vain."""
        now = monotonic()
        if self._is_paused:  # it is not silent, but not read
            self._heard_at = now
        if self._pinged_at is not None and self._heard_at < self._pinged_at:
            self.ping_timed_out = True
            self._end(ABNORMAL_CLOSURE)
            self.abort()
            return
        self._pinged_at = None
        wait = self._heard_at + self._ping_interval - now
        if wait <= 0:
            self._send_frame(b"", PING)
            self._pinged_at = now
            wait = self._ping_interval / 2
        self._timer = self._loop.call_later(wait, self._check_heartbeat)


def _ignore(_: bytes) -> None:
    """Does nothing with a message."""


def _nothing() -> None:
    """Does nothing."""
