"""The process that translates very large responses: `python -m proxy.rpc.translation_process`.

It reads jobs from standard input and writes the answers to standard output, one after the other, until the input ends.
A job is a head, a description in JSON and a node's response; an answer is its length and its bytes, or the length 0 for
a response that the proxy has to translate itself: an error, or one that takes further node requests.
"""

import os
import signal
import struct
import sys
from typing import BinaryIO, NamedTuple, TypedDict

import orjson

from adapters import VERSIONS, NodeInfo
from proxy.envelope import Call, read_jsonrpc_answer, read_websocket_answer, write_jsonrpc, write_websocket
from proxy.envelope.lazy_metadata import loads_lazy_metadata
from proxy.envelope.methods import METADATA_METHODS
from proxy.eventloop.memory import trim_memory

JOB_HEAD = struct.Struct("!IQ")
"""Bytes of the description and of the response."""
ANSWER_HEAD = struct.Struct("!Q")

_NICE = 5
"""Where cores are scarce, small requests of many clients precede a large one of one client."""


class Job(TypedDict):
    """A node's response to the first request of a call, and what the call is."""

    method: str
    params: dict[str, object]
    version: int
    envelope: dict[str, str]
    """The members that the answer echoes, each as JSON text."""
    node_version: int
    server: list[object]
    """The members of `NodeInfo`."""
    websocket: bool


class _Unable(Exception):
    """The response is an error, or takes further node requests."""


class _Parsed(NamedTuple):
    result: dict[str, object]
    extras: dict[str, object]


def main() -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the proxy ends this one
    os.nice(_NICE)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while head := source.read(JOB_HEAD.size):
        job_size, body_size = JOB_HEAD.unpack(head)
        answer = _answer(orjson.loads(source.read(job_size)), source, body_size)
        sink.write(ANSWER_HEAD.pack(len(answer)))
        sink.write(answer)
        sink.flush()
        del answer
        trim_memory()


def _answer(job: Job, source: BinaryIO, body_size: int) -> bytes:
    """The client's response; empty if it cannot be made here."""
    server = NodeInfo(*(tuple(each) if isinstance(each, list) else each for each in job["server"]))  # type: ignore[arg-type]
    pipeline = VERSIONS.pipeline(job["version"], job["node_version"], job["method"], server)
    envelope = {name: orjson.Fragment(text) for name, text in job["envelope"].items()}
    call = Call(job["method"], job["params"], job["version"], envelope, {})
    conversation = pipeline.converse(call.params)
    body = source.read(body_size)
    parsed = None
    try:
        request = next(conversation)
        is_lazy = pipeline.opaque_metadata and request.method == call.method and call.method in METADATA_METHODS
        parsed = _read(body, is_lazy=is_lazy, websocket=job["websocket"])
        del body
        conversation.send(parsed.result)
    except StopIteration as stop:
        if parsed is None or "error" in stop.value:
            return b""
        if job["websocket"]:
            return write_websocket(call, stop.value, parsed.extras)
        return write_jsonrpc(call, stop.value, parsed.extras)[1]
    except Exception:  # noqa: BLE001 - the proxy translates it itself then, and says what is wrong
        return b""
    return b""


def _read(body: bytes, *, is_lazy: bool, websocket: bool) -> _Parsed:
    read = loads_lazy_metadata if is_lazy else orjson.loads
    parsed = _Parsed(*(read_websocket_answer(read(body)) if websocket else read_jsonrpc_answer(200, body, read)))
    if "error" in parsed.result:
        raise _Unable
    return parsed


if __name__ == "__main__":
    main()
