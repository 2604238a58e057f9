"""The pool of the connections to one node's port."""

import asyncio
import ssl
from collections import deque
from urllib.parse import SplitResult

from proxy.eventloop.read_rotation import ReadRotation
from proxy.eventloop.write_batcher import WriteBatcher
from proxy.nodes.http_connection import HttpConnection
from proxy.nodes.large_responses import LargeResponses


class ConnectionPool:
    """The connections to one node's port: idle ones are reused for `idle_seconds`, the last used first.

    `url`: `http` or `https`. `tls`: for `https`; None for the system's trust store. The caller bounds how
    many are open.
    """

    def __init__(
        self,
        url: SplitResult,
        write_batcher: WriteBatcher,
        read_rotation: ReadRotation,
        large_responses: LargeResponses,
        *,
        idle_seconds: float,
        most_bytes: int,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._host = url.hostname or ""
        self._port = url.port or (443 if url.scheme == "https" else 80)
        self._tls = (tls or ssl.create_default_context()) if url.scheme == "https" else None
        self._write_batcher = write_batcher
        self._read_rotation = read_rotation
        self._large_responses = large_responses
        self._idle_seconds = idle_seconds
        self._most_bytes = most_bytes
        self._loop = asyncio.get_running_loop()
        self._idle: deque[HttpConnection] = deque()
        self._all: set[HttpConnection] = set()
        self._sweep: asyncio.TimerHandle | None = None

    def acquire(self) -> HttpConnection | None:
        """Return the idle connection used last; None if there is none."""
        idle = self._idle
        while idle:
            connection = idle.pop()
            if not connection.usable:
                self._all.discard(connection)
            elif self._loop.time() - connection.idle_since > self._idle_seconds:
                idle.append(connection)
                return None  # the others have been idle for longer
            else:
                return connection
        return None

    async def connect(self) -> HttpConnection:
        """Open a new connection. Raises OSError. The caller limits the time."""
        _, connection = await self._loop.create_connection(self._new, self._host, self._port, ssl=self._tls)
        self._all.add(connection)
        return connection

    def _new(self) -> HttpConnection:
        return HttpConnection(self._most_bytes, self._write_batcher, self._read_rotation, self._large_responses)

    def release(self, connection: HttpConnection) -> None:
        """Return a connection for reuse after a request, or drop it if it cannot be reused."""
        if not connection.usable:
            self._all.discard(connection)
            return
        connection.idle_since = self._loop.time()
        self._idle.append(connection)
        if self._sweep is None:
            self._sweep = self._loop.call_later(self._idle_seconds, self._close_idle)

    def _close_idle(self) -> None:
        oldest = self._loop.time() - self._idle_seconds
        while self._idle and (self._idle[0].idle_since <= oldest or not self._idle[0].usable):
            connection = self._idle.popleft()
            connection.abort()
            self._all.discard(connection)
        self._sweep = None
        if self._idle:
            wait = self._idle[0].idle_since + self._idle_seconds - self._loop.time()
            self._sweep = self._loop.call_later(max(wait, 0.01), self._close_idle)

    async def close(self) -> None:
        """Close all connections; requests in flight fail."""
        if self._sweep is not None:
            self._sweep.cancel()
        open_ones = [connection for connection in self._all if connection.usable]
        for connection in open_ones:
            connection.abort()
        self._idle.clear()
        self._all.clear()
        await asyncio.gather(*(connection.closed() for connection in open_ones))
