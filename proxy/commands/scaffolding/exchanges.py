"""Makes the same requests to a live node in each of its versions, and records responses and stream messages."""

import asyncio
import lzma
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from adapters import JsonObject, NodeRequest
from adapters.ledgers import Header, header_request, read_header
from proxy.commands.api_client import ApiClient, NoAnswer, TextAnswer
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
_SHORTEST_SUBJECT = 25
"""Characters of the shortest address."""
_RECORDED_STREAMS = ("transactions_proposed",)
_VOLATILE_METHODS = frozenset({"fee", "ping", "random", "server_info", "server_state"})
"""Their values differ each time, so that only members and types are compared."""

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
        """Compress the exchanges, without those that differed each time, and write the stream messages."""
        if self.folder is None:
            return
        settled = (each for each in self.entries if not each.get("moving") or each["method"] in _VOLATILE_METHODS)
        lines = b"".join(orjson.dumps(entry) + b"\n" for entry in settled)
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
    subjects: dict[str, set[str]] = {}

    def is_new(request: NodeRequest) -> bool:
        return subjects.get(request.method, set()).isdisjoint(_subjects(request))

    for question in questions:
        answered = 0
        for request in sorted(question.candidates, key=is_new):
            key = _key(request.method, request.params)
            if key not in known and key not in refused:
                try:
                    recording.add(await _entry(request, node, websocket, versions, len(recording.entries)))
                    known.add(key)
                except NotAsked as problem:
                    recording.refused[str(problem)] = recording.refused.get(str(problem), 0) + 1
                    refused.add(key)
            if key in known:
                answered += 1
                subjects.setdefault(request.method, set()).update(_subjects(request))
            if answered >= question.enough:
                break
        yield question


def _subjects(request: NodeRequest) -> list[str]:
    """The accounts, transactions and ledgers that a request names: a node with little data may have few of them."""
    return [value for value in request.params.values() if isinstance(value, str) and len(value) >= _SHORTEST_SUBJECT]


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
    method, params = question.method, question.params
    name = f"{method}/{number}"
    answers: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    moving = True
    for _ in range(_ATTEMPTS):
        node.forget()
        answers = {str(version): await _http_answer(question, node, version) for version in versions}
        if websocket is not None:
            websocket.forget()
            for version in versions:
                messages[str(version)] = _with_id((await websocket.answer(question, version)).message, name)
        node.forget()
        if await _http_answer(question, node, versions[0]) == answers[str(versions[0])]:
            moving = False
            break
    return {
        "id": name,
        "port": "public",
        "method": method,
        "params": params,
        "http": answers,
        "ws": messages,
        **({"moving": True} if moving else {}),
    }


def _with_id(message: JsonObject, name: str) -> JsonObject:
    """A WebSocket response to a request with this `id`, which the tests that repeat the request give it."""
    echoed = message.get("request")
    if isinstance(echoed, dict) and "id" in echoed:
        message = {**message, "request": {**echoed, "id": name}}
    return {**message, "id": name}


async def _http_answer(question: NodeRequest, node: RateLimitedNode, version: int) -> JsonObject:
    answered = await node.answer(question, version)
    return {"status": answered.status or 200, "body": answered.message}


def exchanges_of(entries: Iterable[Entry], older: int, newer: int) -> list[Exchange]:
    """The recorded exchanges as results of two versions, without those that differ each time."""
    found = []
    for entry in entries:
        is_volatile = entry["method"] in _VOLATILE_METHODS
        if entry.get("moving") and not is_volatile:
            continue
        results = []
        for version in (older, newer):
            answer = entry["http"][str(version)]
            try:
                results.append(read_jsonrpc_answer(answer["status"], orjson.dumps(answer["body"]))[0])
            except InvalidAnswer:
                break
        else:
            if is_volatile:
                results[1] = with_values_of(results[0], results[1])
            found.append(Exchange(entry["method"], entry["params"] or {}, *results))
    return found


def with_values_of(one: Any, other: Any) -> Any:
    """`other` with the values of `one` where both have one of the same type in the same place."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: with_values_of(one[name], value) if name in one else value for name, value in other.items()}
    if isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            return one
        return [with_values_of(*pair) for pair in zip(one, other, strict=True)]
    return one if type(one) is type(other) else other


def headers_of(exchanges: Iterable[Exchange]) -> dict[int, Header | None]:
    """The headers of ledgers that other exchanges requested; None for a ledger that the node lacks."""
    found: dict[int, Header | None] = {}
    for each in exchanges:
        index = each.params.get("ledger_index")
        if isinstance(index, int) and each.method == "ledger" and each.params == header_request(index).params:
            found[index] = None if "error" in each.older else read_header(each.older)
    return found


async def listen(url: str, versions: Sequence[int], seconds: float) -> dict[str, Any]:
    """The stream messages that arrived in every version within `seconds`, in one order, in the demo node's format.

    Without the streams that the node refuses. Raises NoAnswer and TextAnswer.
    """
    streams = await _accepted_streams(url, versions)
    if not streams:
        return {}
    tasks = []
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_collect(url, version, streams, seconds)) for version in versions]
    except* (NoAnswer, TextAnswer) as problems:
        raise problems.exceptions[0] from None
    return aligned({f"streams/{version}": task.result() for version, task in zip(versions, tasks, strict=True)})


async def _accepted_streams(url: str, versions: Sequence[int]) -> list[str]:
    """The streams to which the node accepts a subscription in every version."""
    accepted = []
    async with ApiClient(url, websocket=True) as server:
        for stream in (*STREAMS, *_RECORDED_STREAMS):
            params = {"streams": [stream]}
            answers = [(await server.ask("subscribe", params, version)).result() for version in versions]
            if not any("error" in each for each in answers):
                accepted.append(stream)
    return accepted


def aligned(streams: dict[str, Any]) -> dict[str, Any]:
    """The recorded streams with only the messages that arrived in every version, in the order of the first.

    A subscription that began earlier has messages that another one lacks, and messages of one ledger come in any order.
    """
    by_version = []
    for stream in streams.values():
        counts: Counter[tuple[Any, ...]] = Counter()
        by_key = {}
        for message in stream["messages"]:
            key = _message_key(message)
            if key is not None:
                by_key[*key, counts[key]] = message  # a transaction comes once for each stream that it is in
                counts[key] += 1
        by_version.append(by_key)
    common = [key for key in by_version[0] if all(key in each for each in by_version)]
    return {
        name: {**stream, "messages": [by_key[key] for key in common]}
        for (name, stream), by_key in zip(streams.items(), by_version, strict=True)
    }


async def _collect(url: str, version: int, streams: Sequence[str], seconds: float) -> JsonObject:
    async with ApiClient(url, websocket=True) as server:
        params = {"streams": streams}
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
        request = {"id": answered.message["id"], "command": "subscribe", **params, "api_version": version}
        return {"version": version, "request": request, "response": answered.message, "messages": messages}


def pushed_pairs(streams: Mapping[str, Any], older: int, newer: int) -> list[PushedPair]:
    """The messages of two versions of aligned streams."""
    of_version = [streams.get(f"streams/{version}", {}).get("messages", ()) for version in (older, newer)]
    return [PushedPair(*pair) for pair in zip(*of_version, strict=True)]


def _message_key(message: JsonObject) -> tuple[Any, ...] | None:
    kind = message.get("type", "")
    name = KEYS[kind](message) if kind in KEYS else None
    return None if name is None else (kind, name, message.get("validated"))
