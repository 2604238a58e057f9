"""Measures the adapters of a step by rippled 2.6.1's recordings: `python -m tests.support.draft OLDER` prints JSON.

For a copy of the tree in which `scaffold` has drafted the step.
"""

import copy
import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import orjson

from adapters import VERSIONS, JsonObject, NodeRequest, step_folder
from proxy.commands.scaffolding.exchanges import Recording
from proxy.demo.recorded import read_streams
from tests.support.conformance import differences
from tests.support.native import Miss, RecordedNode, serve
from tests.support.recorded import is_fault, recorded_requests

STREAMS = "streams"


@dataclass(frozen=True)
class Shares:
    """By method, and "streams": exchanges and messages, those translated exactly; and both of the requests unseen."""

    asked: Counter[str]
    exact: Counter[str]
    unseen: int
    unseen_exact: int

    @classmethod
    def from_json(cls, text: str) -> "Shares":
        """What the command printed."""
        found = json.loads(text)
        return cls(Counter(found["asked"]), Counter(found["exact"]), found["unseen"], found["unseen_exact"])

    def of(self, method: str | None = None) -> float:
        """The share of a method's exchanges, or of all methods', that are exact."""
        methods = [method] if method is not None else [each for each in self.asked if each != STREAMS]
        return sum(self.exact[each] for each in methods) / sum(self.asked[each] for each in methods)

    def of_unseen(self) -> float:
        """The same of the exchanges that the step was not drafted from; 1 if there are none."""
        return self.unseen_exact / self.unseen if self.unseen else 1.0

    def __str__(self) -> str:
        lines = [f"{self.of():.1%} of {self.asked.total() - self.asked[STREAMS]} exchanges are translated exactly"]
        lines.append(f"{self.of_unseen():.1%} of the {self.unseen} that the step was not drafted from")
        for method, asked in self.asked.most_common():
            lines.append(f"  {method}: {self.of(method):.1%} of {asked}")
        return "\n".join(lines)


def _key(method: str, params: JsonObject) -> tuple[str, bytes]:
    return method, orjson.dumps(params, option=orjson.OPT_SORT_KEYS)


def _measure(older: int, drafted_from: Path) -> Shares:
    recording = Recording(drafted_from)
    recording.read()
    seen = {_key(entry["method"], entry["params"] or {}) for entry in recording.entries}
    asked: Counter[str] = Counter()
    exact: Counter[str] = Counter()
    unseen = unseen_exact = 0
    nodes = {version: RecordedNode(version) for version in (older, older + 1)}
    for client, node in ((older, older + 1), (older + 1, older)):
        for request in recorded_requests("public"):
            native = nodes[client].ask(request)
            if is_fault(request, native):
                continue
            is_exact = _is_exact(native, client, request, node, nodes[node])
            asked[request.method] += 1
            exact[request.method] += is_exact
            if _key(request.method, request.params) not in seen:
                unseen += 1
                unseen_exact += is_exact
    streams = read_streams()
    for group in ("streams", "accounts", "books"):
        of_version = [streams[f"{group}/{version}"]["messages"] for version in (older, older + 1)]
        for pair in zip(*of_version, strict=True):
            for client, node in ((0, 1), (1, 0)):
                got = VERSIONS.stream_pipeline(older + client, older + node).rewrite(copy.deepcopy(pair[node]))
                asked[STREAMS] += 1
                exact[STREAMS] += not differences(pair[client], got)
    return Shares(asked, exact, unseen, unseen_exact)


def _is_exact(native: JsonObject, client: int, request: NodeRequest, node: int, recorded: RecordedNode) -> bool:
    try:
        got = serve(client, node, request.method, request.params, recorded.ask)
    except (Miss, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return False
    return not differences(native, got)


if __name__ == "__main__":
    older = int(sys.argv[1])
    step = next(step for step in VERSIONS.steps if step.older == older)
    measured = _measure(older, step_folder(step) / "recordings")
    print(json.dumps(measured.__dict__))  # noqa: T201 - a command
