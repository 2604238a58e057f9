"""The WebSocket of one client: read in turns, and with back-pressure reported."""

import asyncio
import time
from collections.abc import Callable

from proxy.access.fair_share import CHEAP_SECONDS, FairShare
from proxy.eventloop.write_batcher import WriteBatcher
from proxy.http.connection import Connection
from proxy.http.websocket_connection import WebSocketConnection
from proxy.http.websocket_frames import (
    BINARY,
    INVALID_TEXT,
    TEXT,
    FrameError,
    FrameReader,
    is_utf8,
    write_frame,
)
from proxy.http.websocket_handshake import Compression

_SLICE = 0.002
"""Seconds for messages of one client before other clients have a turn: thousands may have arrived together."""
_FRAME_SECONDS = 5e-6
"""What it costs to read a frame, whatever it has: no limit counts pings, pongs and empty fragments."""
_PACKED_SECONDS = 8e-9
"""What it costs to unmask and decompress one byte of a compressed message, which may become nothing."""


class ClientWebSocket(WebSocketConnection):
    """The WebSocket that `before` became, of the client at the address `peer`.

    A client that has used more than its share of the event loop waits for turns before its messages are read, or
    decompressed: a thousand bytes may become a million. `received`: what the client sent after its handshake.
    `on_writable`: is called when more can be sent after `is_write_paused`.
    """

    __slots__ = (
        "_before",
        "_fair_share",
        "_has_turn",
        "_owed",
        "_peer",
        "compression",
        "is_write_paused",
        "on_writable",
    )

    _write_frame = staticmethod(write_frame)

    def __init__(
        self,
        transport: asyncio.Transport,
        received: bytes,
        before: Connection,
        compression: Compression,
        max_size: int,
        ping_interval: float,
        write_batcher: WriteBatcher,
        fair_share: FairShare,
        peer: str,
    ) -> None:
        self._before = before
        self._fair_share = fair_share
        self._peer = peer
        self._has_turn = False
        self._owed = 0.0  # CPU seconds to be charged, together, once they are no longer cheap
        self.compression = compression
        """How messages to it are compressed."""
        self.is_write_paused = False
        """Whether the client reads more slowly than is written."""
        self.on_writable: Callable[[], None] = _nothing
        frames = FrameReader(masked=True, max_size=max_size, compressed=bool(compression.window_bits))
        frames.feed(received)
        super().__init__(transport, frames, ping_interval, write_batcher)

    def data_received(self, data: bytes) -> None:
        """The client has sent something."""
        self._heard_at = time.monotonic()
        if not self._is_paused and not self._fair_share.must_wait(self._peer):
            message = self._frames.read_text(data)
            if message is not None and message.isascii():
                self._on_message(message)
                return
        self._frames.feed(data)
        self._read()

    def _read(self) -> None:
        until = time.perf_counter() + _SLICE
        has_turn, self._has_turn = self._has_turn, False
        while not self._is_paused:
            if not has_turn and self._frames.has_input and self._fair_share.must_wait(self._peer):
                self.pause()
                self._fair_share.call_in_turn(self._peer, self._take_turn)
                return
            if not self._read_frame():
                return
            self._charge(_FRAME_SECONDS)
            if time.perf_counter() > until and self._frames.has_input:
                self.pause()
                self._loop.call_soon(self._go_on)
                return

    def _charge(self, seconds: float) -> None:
        self._owed += seconds
        if self._owed > CHEAP_SECONDS:
            self._fair_share.spent(self._peer, self._owed)
            self._owed = 0.0

    def _take_turn(self) -> None:
        self._has_turn = True
        self._go_on()

    def _go_on(self) -> None:
        if self.transport is not None:
            self.resume()

    def _on_frame(self, opcode: int, payload: bytes) -> None:
        if opcode in (TEXT, BINARY) and self._frames.packed_bytes:
            self._charge(self._frames.packed_bytes * _PACKED_SECONDS)
        if opcode == TEXT and not is_utf8(payload):
            raise FrameError(INVALID_TEXT)
        super()._on_frame(opcode, payload)

    # Sending

    def write(self, frame: bytes) -> None:
        """Send a frame, unless the connection is being closed; does not wait for the client to read it."""
        if not self._close_sent:
            self._write_soon(frame)

    def write_now(self, frames: bytes) -> None:
        """The same for frames that many clients get: they need not wait for what else is written."""
        if not self._close_sent:
            self.flush()
            self._write(frames)

    def pause_writing(self) -> None:
        """The client reads more slowly than data is written."""
        self.is_write_paused = True
        self._before.pause_writing()

    def resume_writing(self) -> None:
        """The client has read enough for more to be written."""
        self.is_write_paused = False
        self._before.resume_writing()
        self.on_writable()

    def connection_lost(self, exc: BaseException | None) -> None:
        """The client is gone."""
        super().connection_lost(exc)
        self._before.connection_lost(exc)
        self.on_writable = _nothing


def _nothing() -> None:
    """Does nothing."""
