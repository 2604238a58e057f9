"""Writes to one client: small responses batched with those to others, large ones as fast as the client reads them."""

import asyncio
from collections.abc import Callable
from typing import cast

from proxy.eventloop.unsent_bytes import UnsentBytes
from proxy.eventloop.write_batcher import BATCH_ABOVE, WriteBatcher
from proxy.http.response import BodyEncoder

_PIECE_BYTES = 1_048_576
"""Bytes of a large body to pass to the transport in one step; the rest is not copied, and counted here."""
_TLS_PIECE_BYTES = 65_536
"""The same over TLS, where the transport encrypts data immediately and does not report it as unsent."""
_ENCODED_PIECE_BYTES = 262_144
"""Bytes of a body to encode in one step, which takes longer than to pass them on."""

_COPY_BELOW = 0.75
"""Once less than this share of a body is left, the rest is copied to free the body."""
_MOST_COPIED = 8_000_000
"""Bytes that are copied so: more would take the event loop for too long."""


class ResponseWriter:
    """The output of one connection.

    `batcher`: writes small responses at the end of the event loop's iteration. `unsent_bytes`: what waits for all
    clients. `shed`: is called when this client is disconnected because too much waits for all of them.
    """

    __slots__ = (
        "_batched",
        "_batcher",
        "_chunked",
        "_drained",
        "_encoder",
        "_is_tls",
        "_rest",
        "_shed",
        "_transport",
        "_unsent_bytes",
    )

    def __init__(self, batcher: WriteBatcher, unsent_bytes: UnsentBytes, shed: Callable[[], None]) -> None:
        self._batcher = batcher
        self._unsent_bytes = unsent_bytes
        self._shed = shed
        self._transport: asyncio.Transport | None = None
        self._is_tls = False
        self._batched = b""  # for the end of the event loop's iteration
        self._rest = memoryview(b"")  # of a large body: what the transport does not have yet
        self._encoder: BodyEncoder | None = None  # of that body
        self._chunked = False
        self._drained: asyncio.Future[None] | None = None  # while the transport's buffer is full

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Write to this transport."""
        self._transport = cast(asyncio.Transport, transport)
        self._is_tls = transport.get_extra_info("sslcontext") is not None

    def connection_lost(self) -> None:
        """Drop what is queued."""
        self._transport = None
        self._batched = b""
        self._drop()
        self.resume()

    def write(self, pieces: tuple[bytes, ...], encoder: BodyEncoder | None = None, *, chunked: bool = False) -> bool:
        """Write a response: its bytes, or its head and a large body. Return whether it `is_drained`, or else `drain`.

        `encoder`: encodes the body. `chunked`: the encoded body is sent in chunks (RFC 9112, 7.1).
        """
        if self._batched:
            self.flush()
        transport = self._transport
        if transport is None or transport.is_closing():
            return self.is_drained
        if len(pieces) > 1 and encoder is not None:
            self._rest, self._encoder, self._chunked = memoryview(pieces[1]), encoder, chunked
            transport.write(pieces[0])
        elif len(pieces) > 1:
            view = memoryview(pieces[1])
            size = _TLS_PIECE_BYTES if self._is_tls else _PIECE_BYTES
            self._rest = view[size:]
            transport.writelines([pieces[0], view[:size]])
        elif self._batcher.in_flight > BATCH_ABOVE:
            self._batched = pieces[0]
            self._batcher.add(self)
        else:
            transport.write(pieces[0])
        return self._drained is None and not self._rest

    @property
    def is_drained(self) -> bool:
        """Whether the transport has everything that was written, and its buffer is not full."""
        return self._drained is None and not self._rest

    async def drain(self) -> None:
        """Wait until `is_drained`, or the client is gone. The connection's timers limit that."""
        size = _TLS_PIECE_BYTES if self._is_tls else _PIECE_BYTES
        while not self.is_drained:
            if self._drained is not None:
                self._free_written()
                await self._drained
            transport = self._transport
            if transport is None or transport.is_closing():
                self._drop()
            elif self._rest and self._drained is None and self._encoder is not None:
                await self._write_encoded(self._encoder)
            elif self._rest and self._drained is None:
                piece, self._rest = self._rest[:size], self._rest[size:]
                transport.write(piece)
                await asyncio.sleep(0)  # a client that reads as fast would have the event loop for itself

    async def _write_encoded(self, encoder: BodyEncoder) -> None:
        size = _ENCODED_PIECE_BYTES
        piece, is_last = self._rest[:size], len(self._rest) <= size
        encoded = await encoder.encode(piece, is_last=is_last)
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._rest = self._rest[size:]
        if self._chunked and encoded:
            encoded = b"%x\r\n%b\r\n" % (len(encoded), encoded)
        if is_last:
            self._encoder = None
            encoded += b"0\r\n\r\n" if self._chunked else b""
        if encoded:
            transport.write(encoded)
        self._report()

    def _drop(self) -> None:
        """Drop the rest of a large body: the client is gone."""
        self._rest, self._encoder = memoryview(b""), None

    def _free_written(self) -> None:
        """Replace the body by its rest once that is much smaller, so that the memory used is near what is counted."""
        body = self._rest.obj
        if isinstance(body, bytes | bytearray) and len(self._rest) < min(_COPY_BELOW * len(body), _MOST_COPIED):
            self._rest = memoryview(bytes(self._rest))

    def flush(self) -> None:
        """Write what was queued for the end of the event loop's iteration."""
        batched, self._batched = self._batched, b""
        if batched and self._transport is not None and not self._transport.is_closing():
            self._transport.write(batched)

    def pause(self) -> None:
        """The transport's buffer is full."""
        if self._drained is None:
            self._drained = asyncio.get_running_loop().create_future()
        self._report()

    def resume(self) -> None:
        """The transport's buffer has room again, or the client is gone."""
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)
        self._report()

    def check(self) -> None:
        """Count what waits: called regularly, because the transport does not report small amounts."""
        if self._transport is not None and not self._transport.is_closing():
            self._report()

    def unsent_bytes(self) -> int:
        """Bytes that wait for the client now."""
        held = 0 if self._encoder is None else self._encoder.held_bytes
        return len(self._rest) + held + (0 if self._transport is None else self._transport.get_write_buffer_size())

    def shed(self) -> None:
        """Disconnect the client and drop what waits for it."""
        if self._transport is not None:
            self._transport.abort()
            self._shed()

    def _report(self) -> None:
        self._unsent_bytes.report(self, self.unsent_bytes())
