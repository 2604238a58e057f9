"""Recorded exchanges asked again of a proxy (or a node), each answer compared with the native one, field by field."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from typing import Any, Literal, NamedTuple

import aiohttp
import orjson

from adapters import VERSIONS as ADAPTED
from adapters.adapter import Step
from adapters.json_values import Difference, json_differences
from proxy.demo.recorded import API_VERSIONS, PortKind, Release, read_lines, read_streams
from tests.support.start import StartNode, StartProxy

ClientVersion = str
"""`none`, or the version that the client names."""
Transport = Literal["http", "ws"]
Ask = Callable[["Case"], Awaitable[Any]]

RIPPLED: Release = "rippled-2.6"
XRPLD: Release = "xrpld-3.3"
NODES = tuple(API_VERSIONS[RIPPLED])
VERSIONS = {"max": ADAPTED.newest}
"""What the proxy's configuration offers: the beta too."""


class Pair(NamedTuple):
    """Which client asks in front of which node."""

    release: Release
    client: ClientVersion
    node: int


def _pairs() -> list[Pair]:
    """Every client in front of every node of rippled 2.6.1; of a step with recordings, what its newer version is in."""
    found = [Pair(RIPPLED, client, node) for client in ("none", *map(str, NODES)) for node in NODES]
    for step in ADAPTED.steps:
        recorded = API_VERSIONS.get(step.name, range(0))
        for client, node in product(recorded, recorded):
            if step.newer in (client, node):
                found.append(Pair(step.name, str(client), node))
    return found


def _stream_pairs() -> list[tuple[Pair, str]]:
    """The pairs with each group of streams (`streams`, `accounts`, `books`) that was recorded for them."""
    found = []
    for pair in PAIRS:
        recorded = _streams(pair.release)
        found += [(pair, group) for group in ("streams", "accounts", "books") if f"{group}/{pair.client}" in recorded]
    return found


_streams = cache(read_streams)
PAIRS = _pairs()
STREAM_PAIRS = _stream_pairs()
NUMBERED_PAIRS = [pair for pair in PAIRS if pair.client != "none"]


def release_of(step: Step) -> Release:
    """The release whose recordings have both of a step's versions: those in its folder, where there are any."""
    return step.name if step.name in API_VERSIONS else RIPPLED


# What differs from one request to the next on the same server, or is the proxy's own to answer.
UNCOMPARED = frozenset(
    {"ping", "random", "server_info", "server_state", "version", "fee", "get_counts", "consensus_info"}
    | {"fetch_info", "print", "log_level", "simulate"}
)
# What the admin port was asked; a proxy accepts it from untrusted clients only if configured to.
ADMIN_METHODS = ("can_delete", "peers", "unl_list", "validator_list_sites", "validators")
SHOWN_PER_METHOD = 3
AT_ONCE = 32
ANSWER_SECONDS = 20
PUSH_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Case:
    """A request and its native answer: over HTTP `{"status", "body"}`, over WebSocket the message."""

    id: str
    method: str
    params: dict[str, Any] | None
    native: Any


@cache
def _exchanges(release: Release) -> list[dict[str, Any]]:
    return [entry for entry in read_lines("exchanges.jsonl.xz", release) if entry["method"] not in UNCOMPARED]


def cases(transport: Transport, client: ClientVersion, port_kind: PortKind, release: Release = RIPPLED) -> list[Case]:
    """Every recorded exchange that a client of this version is to be served as natively."""
    found = []
    for entry in _exchanges(release):
        native = entry[transport].get(client)
        # A `ledger` that fails with `internal` is a fault of rippled's, which nobody need repeat.
        faulty = entry["method"] == "ledger" and b'"error":"internal"' in orjson.dumps(native)
        if entry["port"] == port_kind and native is not None and not faulty:
            params = entry["params"]
            if client != "none":
                params = {**(params or {}), "api_version": int(client)}
            found.append(Case(entry["id"], entry["method"], params, native))
    return found


def recorded_stream(group: str, client: ClientVersion, release: Release = RIPPLED) -> dict[str, Any]:
    """The `request`, `response` and pushed `messages` of a client subscribed to `streams`, `accounts` or `books`."""
    stream: dict[str, Any] = _streams(release)[f"{group}/{client}"]
    return stream


def _without_random(message: Any) -> Any:
    """`message` without the `random` that an answer to `subscribe` has: another one at every asking."""
    if isinstance(message, dict) and isinstance(message.get("result"), dict):
        result = {name: value for name, value in message["result"].items() if name != "random"}
        return {**message, "result": result}
    return message


def differences(native: Any, got: Any) -> list[str]:
    """Each place where `got` is not as `native`, as a line of text; 1 and 1.0 and true differ."""
    return [_line(difference) for difference in json_differences(native, got)]


def _line(difference: Difference) -> str:
    path, native, got = difference
    if isinstance(native, list) and isinstance(got, list):
        path, native, got = f"{path} (length)", len(native), len(got)
    return f"{path or '(all)'}: native {str(native)[:120]!r}, proxy {str(got)[:120]!r}"


@dataclass
class Report:
    """What came of a comparison: how many answers, and those that differ, by method."""

    compared: Counter[str] = field(default_factory=Counter)
    differing: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, method: str, what: str, found: list[str]) -> None:
        """Counts one answer; `what` names the request, `found` holds its differences."""
        self.compared[method] += 1
        if found:
            self.differing[method].append("\n    ".join([what, *found[:6]]))

    def __str__(self) -> str:
        wrong = sum(map(len, self.differing.values()))
        lines = [f"{self.compared.total() - wrong} of {self.compared.total()} as native"]
        for method, texts in sorted(self.differing.items()):
            lines.append(f"{method}: {len(texts)} of {self.compared[method]} differ")
            lines += [f"  {text}" for text in texts[:SHOWN_PER_METHOD]]
        return "\n".join(lines)


async def compare(ask: Ask, asked: Iterable[Case], at_once: int = AT_ONCE) -> Report:
    """Asks all of `asked` by `ask`, no more than `at_once` at a time."""
    report = Report()
    todo = iter(asked)

    async def work() -> None:
        for case in todo:
            try:
                found = differences(case.native, await ask(case))
            except (aiohttp.ClientError, TimeoutError, TypeError, ValueError) as error:
                found = [f"no answer: {error!r}"]
            report.add(case.method, f"{case.id} {orjson.dumps(case.params).decode()[:160]}", found)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())
    return report


@asynccontextmanager
async def client_session() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that waits no longer than ANSWER_SECONDS."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


async def assert_answers_native(
    demo_node: StartNode, proxy: StartProxy, pair: Pair, transport: Transport, port_kind: PortKind
) -> None:
    """A client gets the recorded responses of its version from a proxy in front of a node of the other."""
    node = await demo_node(pair.node, port_kind, release=pair.release)
    is_admin = port_kind == "admin"
    guard = {"allow_admin_methods": ADMIN_METHODS if is_admin else (), "allow_admin_nodes": is_admin}
    served = await proxy(node, versions=VERSIONS, guard=guard)
    ask_all = compare_http if transport == "http" else compare_websocket
    report = await ask_all(served.http_url, cases(transport, pair.client, port_kind, pair.release))
    assert not report.differing, str(report)
    assert report.compared.total() > (5 if is_admin else 600) or pair.release not in (RIPPLED, XRPLD)
    assert node.misses == []


async def assert_pushes_native(demo_node: StartNode, proxy: StartProxy, pair: Pair, group: str) -> None:
    """A client gets the recorded messages of its version for a group of streams."""
    node = await demo_node(pair.node, release=pair.release)
    served = await proxy(node, versions=VERSIONS)
    report = await compare_stream(served.http_url, recorded_stream(group, pair.client, pair.release))
    assert not report.differing, str(report)
    assert report.compared.total() > 5
    assert node.misses == []


async def compare_http(url: str, asked: Iterable[Case]) -> Report:
    """Asks over HTTP."""
    async with client_session() as session:

        async def ask(case: Case) -> Any:
            body = {"method": case.method, **({} if case.params is None else {"params": [case.params]})}
            async with session.post(url, data=orjson.dumps(body)) as response:
                text = await response.read()
                try:
                    return {"status": response.status, "body": orjson.loads(text)}
                except orjson.JSONDecodeError:
                    return {"status": response.status, "body": text.decode()}

        return await compare(ask, asked)


async def compare_websocket(url: str, asked: Iterable[Case]) -> Report:
    """Sends several requests together over one WebSocket; responses are matched by their `id`."""
    async with client_session() as session, session.ws_connect(url, max_msg_size=0) as socket:
        waiting: dict[str, asyncio.Future[Any]] = {}

        async def receive() -> None:
            async for message in socket:
                answer = orjson.loads(message.data)
                waiting.pop(answer["id"]).set_result(answer)

        async def ask(case: Case) -> Any:
            waiting[case.id] = asyncio.get_running_loop().create_future()
            request = {**(case.params or {}), "id": case.id, "command": case.method}
            await socket.send_str(orjson.dumps(request).decode())
            return await asyncio.wait_for(waiting[case.id], ANSWER_SECONDS)

        async with asyncio.TaskGroup() as group:
            receiver = group.create_task(receive())
            report = await compare(ask, asked)
            receiver.cancel()
        return report


async def compare_stream(url: str, stream: dict[str, Any]) -> Report:
    """Subscribes as recorded; the answer and every message pushed after it are compared, in their order."""
    report = Report()
    async with client_session() as session, session.ws_connect(url, max_msg_size=0) as socket:
        await socket.send_str(orjson.dumps(stream["request"]).decode())
        for number, native in enumerate([stream["response"], *stream["messages"]]):
            try:
                got = await socket.receive_json(timeout=PUSH_SECONDS, loads=orjson.loads)
            except (TimeoutError, TypeError, ValueError) as error:
                report.add("subscribe", f"message {number}", [f"nothing came: {error!r}"])
                break
            found = differences(_without_random(native), _without_random(got))
            report.add(native["type"], f"message {number}", found)
    return report
