"""Very large responses are translated by another process: to parse 60 MB holds the interpreter's lock for a second."""

import asyncio
import sys
from contextlib import suppress
from typing import cast

import structlog

from proxy.access.client_address import limit_key
from proxy.access.fair_share import FairShare
from proxy.envelope import Call
from proxy.envelope.written_json import write
from proxy.nodes import Node
from proxy.nodes.fair_queue import FairQueue
from proxy.nodes.large_responses import Room
from proxy.nodes.ledger_range import validated_ledger_in
from proxy.rpc.own_work import in_time
from proxy.rpc.translation_process import ANSWER_HEAD, JOB_HEAD, Job
from proxy.telemetry.metrics import Metrics
from proxy.telemetry.recorder import RequestRecord

VERY_LARGE_BYTES = 1_500_000
"""Size from which on a response is translated there: it would take the event loop for more than 40 ms."""

_PIECE_BYTES = 262_144
_IDLE_SECONDS = 60.0
"""How long the process is retained for the next response; it starts in half a second, and takes about 50 MB."""
_STOP_SECONDS = 2.0

log = structlog.get_logger(__name__)


class VeryLarge(Exception):
    """The response to the first request of a call is one for `LargeTranslations`."""

    def __init__(self, body: bytes, room: Room | None = None) -> None:
        super().__init__(len(body))
        self.room = room
        self.body = body
        """Empty once the other process has it: the proxy is not to hold it twice, nor as long as that takes."""


class LargeTranslations:
    """One process that translates one response at a time, from the first one on. Needs `close`.

    The others wait; clients with waiting responses take turns.
    """

    def __init__(self, metrics: Metrics, fair_share: FairShare) -> None:
        self._metrics = metrics
        self._fair_share = fair_share
        self._process: asyncio.subprocess.Process | None = None
        self._killed: list[asyncio.subprocess.Process] = []
        self._one_at_a_time = FairQueue(1)
        self._idle: asyncio.TimerHandle | None = None
        self._closed = False

    async def answer(
        self,
        call: Call,
        node_version: int,
        node: Node,
        response: VeryLarge,
        record: RequestRecord,
        deadline: float,
        *,
        websocket: bool = False,
    ) -> bytes | None:
        """The response to `call`, from a `node`'s response to its first request, in a turn of the `record`'s client.

        None if that is impossible: the caller is to send that request again. `websocket`: the response is a WebSocket
        message, and so is the answer. Raises NodeFailure at the deadline (the event loop's time).
        """
        response.__traceback__ = None  # its frames would hold the response
        node.note_ledger(validated_ledger_in(response.body))
        turn = self._fair_share.response_turn(record.peer, len(response.body), is_translated=False)
        await in_time(turn, node.name, deadline)
        job: Job = {
            "method": call.method,
            "params": call.params,
            "version": call.version,
            "envelope": {name: write(value).decode() for name, value in call.envelope.items()},
            "node_version": node_version,
            "server": list(node.server),
            "websocket": websocket,
        }
        client = limit_key(record.peer)
        return await in_time(self._translate_in_turn(client, call, job, response), node.name, deadline)

    async def _translate_in_turn(self, client: str, call: Call, job: Job, response: VeryLarge) -> bytes | None:
        await self._one_at_a_time.acquire(client)
        try:
            return await self._translate(call, job, response)
        finally:
            self._one_at_a_time.give_back(client)

    async def _translate(self, call: Call, job: Job, response: VeryLarge) -> bytes | None:
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
            self._metrics.translation(call.method, call.version, job["node_version"], loop.time() - began)
        return answer

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "proxy.rpc.translation_process",
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
            await asyncio.sleep(0)  # `drain` returns immediately while the process reads as fast as this writes
        view, response.body = memoryview(b""), b""
        (size,) = ANSWER_HEAD.unpack(await source.readexactly(ANSWER_HEAD.size))
        answer = bytearray()  # not of the size from the beginning: new memory takes half a millisecond per megabyte
        while len(answer) < size:
            piece = await source.read(min(_PIECE_BYTES, size - len(answer)))
            if not piece:
                raise asyncio.IncompleteReadError(b"", size)
            answer += piece
        return cast(bytes, answer) or None

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            self._killed = [each for each in (*self._killed, process) if each.returncode is None]

    async def close(self) -> None:
        """End the process, whatever it does, and wait until it and those killed before it are gone."""
        self._closed = True
        if self._idle is not None:
            self._idle.cancel()
        self._kill()
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                for process in self._killed:
                    await process.wait()
