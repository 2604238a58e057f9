"""Very large responses are translated by another process: to parse 60 MB holds the interpreter's lock for a second."""

import asyncio
import sys
from contextlib import suppress
from typing import cast

import structlog

from adapters import NodeInfo
from proxy.envelope import Call
from proxy.envelope.written_json import write
from proxy.rpc.translation_process import ANSWER_HEAD, JOB_HEAD, Job
from proxy.telemetry.metrics import Metrics

VERY_LARGE_BYTES = 1_500_000
"""Size from which on a response is translated there: it would take the event loop for more than 40 ms."""

_PIECE_BYTES = 262_144
_IDLE_SECONDS = 60.0
"""How long the process is retained for the next response; it starts in half a second, and takes about 50 MB."""
_STOP_SECONDS = 2.0

log = structlog.get_logger(__name__)


class VeryLarge(Exception):  # noqa: N818 - what has happened
    """The response to the first request of a call is one for `LargeTranslations`."""

    def __init__(self, body: bytes) -> None:
        super().__init__(len(body))
        self.body = body
        """Empty once the other process has it: the proxy is not to hold it twice, nor as long as that takes."""


class LargeTranslations:
    """One process that translates one response at a time, from the first one on; the others wait. Needs `close`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._process: asyncio.subprocess.Process | None = None
        self._one_at_a_time = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None
        self._closed = False

    async def translate(
        self,
        call: Call,
        node_version: int,
        server: NodeInfo,
        response: VeryLarge,
        *,
        websocket: bool = False,
    ) -> bytes | None:
        """The response to `call`, from a node's response to its first request; None if that is impossible.

        `websocket`: the response is a WebSocket message, and so is the answer. The caller limits the time.
        """
        job: Job = {
            "method": call.method,
            "params": call.params,
            "version": call.version,
            "envelope": {name: write(value).decode() for name, value in call.envelope.items()},
            "node_version": node_version,
            "server": list(server),
            "websocket": websocket,
        }
        async with self._one_at_a_time:
            if self._closed:
                return None
            if self._idle is not None:
                self._idle.cancel()
            began = asyncio.get_running_loop().time()
            try:
                answer = await self._exchange(await self._started(), write(job), response)
            except (OSError, asyncio.IncompleteReadError) as problem:
                log.warning("translation_process_failed", problem=type(problem).__name__)
                self._kill()
                return None
            except BaseException:
                self._kill()  # it is in the middle of an answer that nobody reads
                raise
            loop = asyncio.get_running_loop()
            self._idle = loop.call_later(_IDLE_SECONDS, self._kill)
            if answer is not None:
                self._metrics.translation(call.method, call.version, node_version, loop.time() - began)
            return answer

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "proxy.rpc.translation_process"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_PIECE_BYTES,
            )
        return self._process

    async def _exchange(self, process: asyncio.subprocess.Process, job: bytes, response: VeryLarge) -> bytes | None:
        """Send a job and receive its answer, in pieces, none of which takes the event loop for long."""
        sink, source = process.stdin, process.stdout
        assert sink is not None  # noqa: S101 - it is a pipe
        assert source is not None  # noqa: S101
        sink.write(JOB_HEAD.pack(len(job), len(response.body)) + job)
        view = memoryview(response.body)
        for start in range(0, len(view), _PIECE_BYTES):
            sink.write(view[start : start + _PIECE_BYTES])
            await sink.drain()
        view, response.body = memoryview(b""), b""
        (size,) = ANSWER_HEAD.unpack(await source.readexactly(ANSWER_HEAD.size))
        answer, received = bytearray(size), 0
        while received < size:
            piece = await source.read(min(_PIECE_BYTES, size - received))
            if not piece:
                raise asyncio.IncompleteReadError(b"", size)
            answer[received : received + len(piece)] = piece
            received += len(piece)
        return cast(bytes, answer) or None

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()

    async def close(self) -> None:
        """End the process, and whatever it does."""
        self._closed = True
        if self._idle is not None:
            self._idle.cancel()
        process = self._process
        self._kill()
        if process is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await process.wait()
