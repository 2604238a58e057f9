"""Shadow comparison: responses that clients received against a node's that supports their version natively."""

import asyncio
import random
from dataclasses import dataclass
from itertools import islice
from typing import Any

import structlog

from adapters import VERSIONS, JsonObject
from adapters.json_values import ABSENT, Difference, json_differences
from proxy.access.admission import Rate
from proxy.envelope import Call, InvalidAnswer, node_request, read_jsonrpc_answer
from proxy.envelope.methods import READING_METHODS, SENSITIVE_METHODS
from proxy.envelope.secrets import SECRETS
from proxy.envelope.written_json import write
from proxy.nodes import HttpNode, NodeFailure
from proxy.rpc.ledger_choice import reads_validated_ledger
from proxy.telemetry.metrics import Metrics
from proxy.telemetry.recorder import RequestRecord
from proxy.versions.own import own_token, request_in_own_version
from proxy.versions.translator import MISSING_ERRORS, UNABLE_ERRORS

log = structlog.get_logger(__name__)

INCONCLUSIVE_ERRORS = (
    UNABLE_ERRORS | MISSING_ERRORS | {"internal", "lgrIdxInvalid", "lgrIdxsInvalid", "lgrNotValidated"}
)
"""Errors that mean that the node lacks the ledger, or is unavailable."""
_SHOWN = 80
_MOST_SHOWN = 10
_MOST_PARAMS_SHOWN = 500
_LOGGED_PER_SECOND, _LOGGED_BURST = 1, 10


@dataclass(frozen=True, slots=True)
class ShadowRules:
    """The section `shadow` of the configuration. `seconds`: for the node's response; `queue`:
    responses that may wait.
    """

    sample: float
    ignore: frozenset[str]
    seconds: float
    concurrency: int
    queue: int
    answer_bytes: int


@dataclass(frozen=True, slots=True)
class _ServedAnswer:
    """A response as a client received it."""

    call: Call
    answer: bytes
    served: RequestRecord


class Shadow:
    """Sends a sample of the requests to `node`, which it owns, and compares the responses.

    It never delays a client: responses that find the queue full are dropped and counted.
    """

    def __init__(self, node: HttpNode, rules: ShadowRules, metrics: Metrics) -> None:
        self._node = node
        self._rules = rules
        self._metrics = metrics
        self._waiting: asyncio.Queue[_ServedAnswer] = asyncio.Queue(rules.queue)
        self._logged = Rate(_LOGGED_PER_SECOND, _LOGGED_BURST)
        self._tasks = [asyncio.create_task(self._run(), name="shadow comparison") for _ in range(rules.concurrency)]

    def offer(self, served: RequestRecord) -> None:
        """Queue the response to a request over HTTP or WebSocket if it is in the sample and can be compared."""
        call, answer = served.call, served.answer
        if call is None or answer is None or served.outcome != "success":
            return
        if random.random() >= self._rules.sample or not _is_comparable(call):  # noqa: S311 - no secret
            return
        if len(answer) > self._rules.answer_bytes or self._waiting.full():
            self._metrics.shadowed(call.method, "dropped")
            return
        self._waiting.put_nowait(_ServedAnswer(call, answer, served))

    async def close(self) -> None:
        """Stop; responses in the queue are not compared."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._node.close()

    async def _run(self) -> None:
        while True:
            given = await self._waiting.get()
            try:
                verdict = await self._compare(given)
            except Exception:
                log.exception("shadow_failed", request_id=given.served.request_id)
                verdict = "failed"
            if verdict is not None:
                self._metrics.shadowed(given.call.method, verdict)

    async def _compare(self, given: _ServedAnswer) -> str | None:
        """`same`, `different` or `failed`; None for a response that is not of a validated ledger."""
        call = given.call
        result, _ = await asyncio.to_thread(read_jsonrpc_answer, 200, given.answer)
        params = _pinned_params(call, result)
        if params is None:
            return None
        native = await self._native(call, params)
        if native is None:
            return "failed"
        found = await asyncio.to_thread(self._differences, call.method, native, result)
        if not found:
            return "same"
        if self._logged.allows("shadow", 1):
            shown = call.params if len(write(call.params)) <= _MOST_PARAMS_SHOWN else None
            log.warning(
                "shadow_different",
                method=call.method,
                client_version=call.version,
                node=given.served.node,
                node_version=given.served.node_version,
                transport=given.served.transport,
                request_id=given.served.request_id,
                params=shown,
                differences=found,
            )
        return "different"

    async def _native(self, call: Call, params: JsonObject) -> JsonObject | None:
        """The node's result in the client's version; None if there is none from a validated ledger."""
        deadline = asyncio.get_running_loop().time() + self._rules.seconds
        try:
            raw = await self._node.ask(
                node_request(call.method, params, call.version),
                client=None,
                method=call.method,
                reads_only=True,
                deadline=deadline,
            )
            result, _ = await asyncio.to_thread(read_jsonrpc_answer, raw.status, raw.body)
        except (NodeFailure, InvalidAnswer):
            return None
        if "error" in result:
            return None if own_token(result["error"], call.version) in INCONCLUSIVE_ERRORS else result
        return result if result.get("validated") is True else None

    def _differences(self, method: str, native: JsonObject, given: JsonObject) -> list[str]:
        """The first differences, one line each, with values shortened."""
        inexact = VERSIONS.inexact_fields(method)
        found = json_differences(native, given, ignored=self._rules.ignore)
        exact = (difference for difference in found if difference.path not in inexact)
        return [_line(difference) for difference in islice(exact, _MOST_SHOWN)]


def _is_comparable(call: Call) -> bool:
    """Whether the request gets the same result at any time, and contains nothing that may be sent to one node only."""
    params = call.params
    if call.method not in READING_METHODS or call.method in SENSITIVE_METHODS or not params.keys().isdisjoint(SECRETS):
        return False
    return reads_validated_ledger(call)


def _pinned_params(call: Call, result: JsonObject) -> JsonObject | None:
    """The parameters with `validated` replaced by the ledger of the response; None if that is unknown."""
    if result.get("validated") is not True or "error" in result:
        return None
    own = request_in_own_version(call.version, call.method, call.params)
    if own.get("ledger_index") != "validated":
        return call.params
    if own is not call.params and call.params.get("ledger_index") != "validated":
        return None  # its version names the ledger differently
    known = result.get("ledger_index")
    if type(known) is int:
        return {**call.params, "ledger_index": known}
    if isinstance(result.get("ledger_hash"), str):
        asked = {name: value for name, value in call.params.items() if name != "ledger_index"}
        return {**asked, "ledger_hash": result["ledger_hash"]}
    return None


def _line(difference: Difference) -> str:
    path, native, given = difference
    return f"{path[-_SHOWN * 2 :] or '/'}: natively {_shown(native)}, given {_shown(given)}"


def _shown(value: Any) -> str:
    if value is ABSENT:
        return "nothing"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    text = write(value).decode()
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
