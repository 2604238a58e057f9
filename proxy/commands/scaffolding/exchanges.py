"""Makes the same requests to a live node in each of its versions, and records responses and stream messages."""

import asyncio
import lzma
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from adapters import JsonObject, NodeRequest
from adapters.ledgers import Header, header_request, read_header
from proxy.commands.api_client import ApiClient, NoAnswer
from proxy.commands.scaffolding.methods import Exchange, PushedPair
from proxy.commands.scaffolding.questions import Question
from proxy.commands.verification.node import NotAsked, RateLimitedNode
from proxy.commands.verification.streams import KEYS, STREAMS
from proxy.envelope.node import InvalidAnswer, read_jsonrpc_answer

UNFINISHED = "exchanges.jsonl"
"""The file to which each exchange is appended immediately, so that an interrupted run can be continued."""
FINISHED, STREAMS_FILE = "exchanges.jsonl.xz", "streams.json.xz"
_MOST_MESSAGES = 5_000
_ATTEMPTS = 3
_VOLATILE_METHODS = frozenset({"ping", "random", "server_info", "server_state"})
"""Recorded, but not compared: within a second they may look the same, and be another in the next."""

Entry = JsonObject
"""An exchange in the demo node's format: `id`, `port`, `method`, `params`, and by version `http` and `ws` responses."""


@dataclass(slots=True)
class Recording:
    """The recorded exchanges, in `folder` if there is one.

    `refused` counts refused requests by reason.
    """

    folder: Path | None
    entries: list[Entry] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)

    def read(self) -> None:
        """Read the exchanges of an earlier run, finished or not."""
        if self.folder is None:
            return
        finished, unfinished = self.folder / FINISHED, self.folder / UNFINISHED
        text = lzma.decompress(finished.read_bytes()) if finished.exists() else b""
        if unfinished.exists():
            text = unfinished.read_bytes()
        whole = text.rpartition(b"\n")[0]  # a line may have been cut off
        self.entries = [orjson.loads(line) for line in whole.splitlines()]

    def add(self, entry: Entry) -> None:
        """Write an exchange immediately."""
        self.entries.append(entry)
        if self.folder is None:
            return
        with (self.folder / UNFINISHED).open("ab") as file:
            file.write(orjson.dumps(entry) + b"\n")

    def finish(self, streams: Mapping[str, Any]) -> None:
        """Compress the exchanges, and write the stream messages."""
        if self.folder is None:
            return
        lines = b"".join(orjson.dumps(entry) + b"\n" for entry in self.entries)
        (self.folder / FINISHED).write_bytes(lzma.compress(lines))
        if streams:
            (self.folder / STREAMS_FILE).write_bytes(lzma.compress(orjson.dumps(streams)))
        (self.folder / UNFINISHED).unlink(missing_ok=True)


async def ask_all(
    recording: Recording,
    node: RateLimitedNode,
    websocket: RateLimitedNode | None,
    questions: Sequence[Question],
    versions: Sequence[int],
) -> AsyncIterator[Question]:
    """Make the requests of each question that are not recorded yet, in every version; yields it when it is done.

    Raises NodeLost.
    """
    known = {_key(entry["method"], entry["params"]) for entry in recording.entries}
    refused: set[tuple[str, bytes]] = set()
    for question in questions:
        answered = 0
        for request in question.candidates:
            key = _key(request.method, request.params)
            if key not in known and key not in refused:
                try:
                    recording.add(await _entry(request, node, websocket, versions, len(recording.entries)))
                    known.add(key)
                except NotAsked as problem:
                    recording.refused[str(problem)] = recording.refused.get(str(problem), 0) + 1
                    refused.add(key)
            answered += key in known
            if answered >= question.enough:
                break
        yield question


def _key(method: str, params: JsonObject) -> tuple[str, bytes]:
    return method, orjson.dumps(params, option=orjson.OPT_SORT_KEYS)


async def _entry(
    question: NodeRequest,
    node: RateLimitedNode,
    websocket: RateLimitedNode | None,
    versions: Sequence[int],
    number: int,
) -> Entry:
    """The exchange, repeated if a ledger closed in the meantime: the first version is requested once more at the end.

    It has `moving` if the response differs each time, so that it shows nothing about the versions.
    """
    answers: dict[str, Any] = {}
    moving = True
    for _ in range(_ATTEMPTS):
        node.forget()
        answers = {str(version): await _http_answer(question, node, version) for version in versions}
        node.forget()
        if await _http_answer(question, node, versions[0]) == answers[str(versions[0])]:
            moving = False
            break
    pushed: dict[str, Any] = {}
    if websocket is not None:
        websocket.forget()
        pushed = {str(version): (await websocket.answer(question, version)).message for version in versions}
    method, params = question.method, question.params
    return {
        "id": f"{method}/{number}",
        "port": "public",
        "method": method,
        "params": params,
        "http": answers,
        "ws": pushed,
        **({"moving": True} if moving else {}),
    }


async def _http_answer(question: NodeRequest, node: RateLimitedNode, version: int) -> JsonObject:
    answered = await node.answer(question, version)
    return {"status": answered.status or 200, "body": answered.message}


def exchanges_of(entries: Iterable[Entry], older: int, newer: int) -> list[Exchange]:
    """The recorded exchanges as results of two versions, without those that are another each time."""
    found = []
    for entry in entries:
        if entry.get("moving") or entry["method"] in _VOLATILE_METHODS:
            continue
        results = []
        for version in (older, newer):
            answer = entry["http"][str(version)]
            try:
                results.append(read_jsonrpc_answer(answer["status"], orjson.dumps(answer["body"]))[0])
            except InvalidAnswer:
                break
        else:
            found.append(Exchange(entry["method"], entry["params"] or {}, *results))
    return found


def headers_of(exchanges: Iterable[Exchange]) -> dict[int, Header | None]:
    """The headers of ledgers that other exchanges requested; None for a ledger that the node lacks."""
    found: dict[int, Header | None] = {}
    for each in exchanges:
        index = each.params.get("ledger_index")
        if isinstance(index, int) and each.method == "ledger" and each.params == header_request(index).params:
            found[index] = None if "error" in each.older else read_header(each.older)
    return found


async def listen(url: str, versions: Sequence[int], seconds: float) -> dict[str, Any]:
    """The stream messages of each version within `seconds`, in the demo node's format.

    Raises NoAnswer and TextAnswer.
    """
    collected = await asyncio.gather(*(_collect(url, version, seconds) for version in versions))
    return {f"streams/{version}": stream for version, stream in zip(versions, collected, strict=True)}


async def _collect(url: str, version: int, seconds: float) -> JsonObject:
    async with ApiClient(url, websocket=True) as server:
        params = {"streams": STREAMS}
        answered = await server.ask("subscribe", params, version)
        if "error" in answered.result():
            raise NoAnswer(f"subscribe in version {version} was refused: {answered.result()['error']}")
        messages: list[JsonObject] = []
        deadline = asyncio.get_running_loop().time() + seconds
        while len(messages) < _MOST_MESSAGES:
            try:
                messages.append(await server.pushed(deadline - asyncio.get_running_loop().time()))
            except TimeoutError:
                break
        request = {"command": "subscribe", **params, "api_version": version}
        return {"version": version, "request": request, "response": answered.message, "messages": messages}


def pushed_pairs(streams: Mapping[str, Any], older: int, newer: int) -> list[PushedPair]:
    """The messages that arrived in both versions, matched by their identifying fields."""
    by_key = []
    for version in (older, newer):
        messages = streams.get(f"streams/{version}", {}).get("messages", ())
        by_key.append({key: each for each in messages if (key := _message_key(each)) is not None})
    return [PushedPair(each, by_key[1][key]) for key, each in by_key[0].items() if key in by_key[1]]


def _message_key(message: JsonObject) -> tuple[Any, ...] | None:
    kind = message.get("type", "")
    name = KEYS[kind](message) if kind in KEYS else None
    return None if name is None else (kind, name, message.get("validated"))
