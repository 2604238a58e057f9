"""A node's gRPC port: one HTTP/2 connection for all calls, and whether it can be reached.

Its library is optional: this module is imported only if gRPC is configured.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import grpc
import structlog

log = structlog.get_logger(__name__)

_LONGEST_PAUSE_MS = 5000
"""Milliseconds between two attempts to connect to an unreachable node."""

Metadata = tuple[tuple[str, str | bytes], ...]
"""Metadata of a gRPC call: pairs of key and value."""
Stream = grpc.aio.StreamStreamCall[bytes, bytes]
Call = grpc.aio.UnaryStreamCall[bytes, bytes] | Stream


class GrpcNode:
    """The gRPC port at `address` (host:port), which rippled serves without TLS.

    `answer_bytes`: the largest message accepted from it. It is connected from `start` to `close`.
    """

    def __init__(self, name: str, address: str, *, answer_bytes: int) -> None:
        self.name = name
        self.problem: str | None = "not connected yet"
        """Why it gets no calls; None while it is connected."""
        self._changed: Callable[[], None] = lambda: None
        self._channel = grpc.aio.insecure_channel(
            address,
            options=(
                ("grpc.max_receive_message_length", answer_bytes),
                ("grpc.max_send_message_length", -1),  # bounded where it arrived
                ("grpc.max_reconnect_backoff_ms", _LONGEST_PAUSE_MS),
                ("grpc.enable_retries", 0),
                ("grpc.enable_http_proxy", 0),
                # Channels to one address would share a connection, which would outlive a channel closed by a reload.
                ("grpc.use_local_subchannel_pool", 1),
            ),
        )
        self._first = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, changed: Callable[[], None]) -> None:
        """Connect and stay connected; call `changed` whenever `problem` changes."""
        self._changed = changed
        self._task = asyncio.create_task(self._follow(), name=f"gRPC connection to node {self.name}")

    async def wait_first(self, seconds: float) -> None:
        """Wait at most `seconds` for the outcome of the first attempt to connect."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._first.wait()

    async def close(self) -> None:
        """Close the connection; calls in flight fail."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._channel.close()

    def ask(self, path: str, request: bytes, metadata: Metadata, seconds: float) -> Call:
        """Start a call with one request, which ends after `seconds` at the latest.

        On the wire it equals a stream of one. But if the node ends a call before the library has written a stream to
        its end, the library may lose the node's status.
        """
        begin: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = self._channel.unary_stream(path)
        return begin(request, timeout=seconds, metadata=metadata)

    def stream(self, path: str, metadata: Metadata, seconds: float) -> Stream:
        """Start a call with messages in both directions, which ends after `seconds` at the latest."""
        begin: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(path)
        return begin(timeout=seconds, metadata=metadata)

    async def _follow(self) -> None:
        while True:
            state = self._channel.get_state(try_to_connect=True)
            if state is grpc.ChannelConnectivity.READY:
                self._set_problem(None)
            elif state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
                self._set_problem("refused")
            # Otherwise it is connecting: calls wait for the outcome.
            await self._channel.wait_for_state_change(state)

    def _set_problem(self, problem: str | None) -> None:
        known, self.problem = self.problem, problem
        self._first.set()
        if problem == known:
            return
        if problem is None:
            log.info("node_grpc_up", node=self.name)
        else:
            log.warning("node_grpc_down", node=self.name, problem=problem)
        self._changed()
