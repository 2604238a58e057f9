"""Is a node up, which API version is it spoken to in, and which ledgers does it have: asked at intervals."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import orjson
import structlog

from proxy.nodes.http import Asked, HttpNode, NodeFailure, RawAnswer

T = TypeVar("T")

log = structlog.get_logger(__name__)

HIGHEST_VERSION = 3
"""The highest API version that any part of the proxy knows."""


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """What is known of a node. What it told of itself stays as it last told it, also while it is down."""

    name: str
    up: bool = False
    """It answered when it was last heard of, and the API version to speak to it in is known."""
    api_version: int | None = None
    """The version it is spoken to in; None until `auto` has found out."""
    problem: str | None = None
    """Why it is down, or which error it answers its health question with."""
    last_answer: float | None = None
    """When it last answered its health question, in the event loop's time (seconds)."""
    server_state: str | None = None
    """`full`, `syncing`, …, as `server_info` has it; a Clio has none."""
    validated_ledger: int | None = None
    validated_ledger_age: int | None = None
    """Seconds, when it was asked."""
    complete_ledgers: str | None = None
    """For example `32570-91234567`, with commas where there are gaps."""


class NodeHealth:
    """Asks a node how it is, every `interval` seconds give or take a fifth, and listens to what it does with traffic.

    A node is up when it answered with JSON, also an error. A connection that a client's request could not make, or
    lost, takes it down at once; a request that was slow, or answered with something odd, only makes the health
    question come at once, or else one expensive request would take a node from everybody. JSON answered to a client's
    request brings it up.

    `api_version`: the version to speak, or None to find it out with `version` (also after the node was down, for it
    may come back as another release): the lowest that it has from `newest` on, or its highest below.
    `timeout`: seconds for one question. `changed`: called with the node's name and whether it is up, at the start
    and when that changes.
    """

    def __init__(
        self,
        node: HttpNode,
        *,
        api_version: int | None,
        newest: int,
        interval: float,
        timeout: float,
        changed: Callable[[str, bool], None] | None = None,
    ) -> None:
        self.status = NodeStatus(node.name, api_version=api_version, problem="not asked yet")
        self._node = node
        self._auto = api_version is None
        self._newest = newest
        self._interval = interval
        self._timeout = timeout
        self._changed = changed
        self._first = asyncio.Event()
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        node.watch(self._heard)

    @property
    def up(self) -> bool:
        """Whether the node can be asked."""
        return self.status.up

    @property
    def api_version(self) -> int | None:
        """The version that the node is spoken to in; None while it is not known."""
        return self.status.api_version

    def start(self) -> None:
        """Begin to ask, until `close`."""
        if self._changed is not None:
            self._changed(self.status.name, self.status.up)
        self._task = asyncio.create_task(self._run(), name=f"health of node {self.status.name}")

    async def wait_first(self, seconds: float) -> bool:
        """Wait at most `seconds` for the outcome of the first question; return whether the node is up."""
        try:
            async with asyncio.timeout(seconds):
                await self._first.wait()
        except TimeoutError:
            pass
        return self.up

    async def close(self) -> None:
        """Stop asking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while True:
            await self._look()
            self._first.set()
            self._hurry.clear()
            await asyncio.sleep(min(0.2, self._interval / 5))  # however many requests fail, no more questions than this
            try:
                async with asyncio.timeout(self._interval * random.uniform(0.8, 1.2)):  # noqa: S311 - no secret
                    await self._hurry.wait()
            except TimeoutError:
                pass

    async def _look(self) -> None:
        try:
            api_version = await self._version()
            if api_version is None:
                return
            answer = await self._ask("server_info", api_version)
        except NodeFailure as failure:
            self._set_down(failure.kind)
            return
        result = _result(answer)
        if result is None:
            self._set_down(_not_json(answer, api_version))
            return
        self.status = _told(replace(self.status, api_version=api_version), result)
        self._set_up(_error(result))

    async def _version(self) -> int | None:
        if not self._auto or self.up:
            return self.api_version
        chosen, problem = choose_version(await self._ask("version", 2), self._newest)
        if chosen is None:
            self._set_down(problem)
        return chosen

    async def _ask(self, method: str, api_version: int) -> RawAnswer:
        body = orjson.dumps({"method": method, "params": [{"api_version": api_version}]})
        deadline = asyncio.get_running_loop().time() + self._timeout
        return await self._node.ask(body, client=None, method=method, reads_only=True, deadline=deadline)

    def _heard(self, asked: Asked) -> None:
        """Learn from the outcome of a client's request."""
        if not asked.for_client:
            return
        outcome = asked.outcome
        failed = outcome.kind if isinstance(outcome, NodeFailure) else None
        answered = isinstance(outcome, RawAnswer) and _is_usual(outcome)
        if answered and not self.up and not self._auto:
            self._set_up(None)
        elif answered != self.up:  # a change that only the health question can tell about
            if failed in ("refused", "disconnected"):
                self._set_down(failed)
            self._hurry.set()

    def _set_up(self, problem: str | None) -> None:
        was_up = self.status.up
        now = asyncio.get_running_loop().time()
        self.status = replace(self.status, up=True, problem=problem, last_answer=now)
        if not was_up:
            log.info("node_up", node=self.status.name, api_version=self.api_version)
            self._tell()

    def _set_down(self, problem: str) -> None:
        was_up, had_problem = self.status.up, self.status.problem
        self.status = replace(self.status, up=False, problem=problem)
        if was_up or had_problem != problem:
            log.warning("node_down", node=self.status.name, problem=problem)
        if was_up:
            self._tell()

    def _tell(self) -> None:
        if self._changed is not None:
            self._changed(self.status.name, self.status.up)


def choose_version(answer: RawAnswer, newest: int) -> tuple[int | None, str]:
    """Choose the version to speak from a node's answer to `version`, asked at version 2.

    A node that has version 2 names its range in integers (XLS-22). One that has only version 1 answers in the old
    form, refuses the version, or, being older still, does not know the method.
    Returns the version, or None and what the problem is.
    """
    result = _result(answer)
    if result is None:
        if answer.status == 400 and answer.body.startswith(b"invalid_API_version"):
            return 1, ""
        return None, _not_json(answer, 2)
    error = _error(result)
    if error in ("invalid_API_version", "unknownCmd"):
        return 1, ""
    if error is not None:
        return None, f"answers version with {error}"
    told = result.get("version")
    first, last = (told.get("first"), told.get("last")) if isinstance(told, dict) else (None, None)
    if isinstance(first, str) and isinstance(last, str):
        return 1, ""
    if type(first) is not int or type(last) is not int or not 1 <= first <= last:
        return None, "answers version with something else than a range"
    if first > HIGHEST_VERSION:
        return None, f"speaks API versions {first} to {last} only, and {HIGHEST_VERSION} is the highest known here"
    return min(max(first, newest), last), ""


def _result(answer: RawAnswer) -> dict[str, Any] | None:
    """Return the `result` of a JSON-RPC answer, `{}` if it has none, None if the answer is not a JSON object."""
    try:
        message = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(message, dict):
        return None
    result = message.get("result")
    return result if isinstance(result, dict) else {}


def _is_usual(answer: RawAnswer) -> bool:
    return answer.status < 500 and answer.content_type.startswith("application/json")


def _error(result: dict[str, Any]) -> str | None:
    error = result.get("error")
    return error[:64] if isinstance(error, str) else None


def _not_json(answer: RawAnswer, api_version: int | None) -> str:
    if answer.body.startswith(b"invalid_API_version"):
        return f"refuses API version {api_version}"
    return f"answers HTTP {answer.status} without JSON"


def _told(status: NodeStatus, result: dict[str, Any]) -> NodeStatus:
    """Take what `server_info` tells; an answer without `info` (an error) tells nothing."""
    info = result.get("info")
    if not isinstance(info, dict):
        return status
    ledger = info.get("validated_ledger")
    if not isinstance(ledger, dict):
        ledger = {}
    return replace(
        status,
        server_state=_typed(info.get("server_state"), str),
        validated_ledger=_typed(ledger.get("seq"), int),
        validated_ledger_age=_typed(ledger.get("age"), int),
        complete_ledgers=_typed(info.get("complete_ledgers"), str),
    )


def _typed(value: object, kind: type[T]) -> T | None:
    return value if type(value) is kind else None
