"""Two results compared field for field; of what lives, only that it is there and of which type."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from adapters import JsonObject, NodeRequest

_SHOWN_BYTES = 120
_MOST_DIFFERENCES = 20

VOLATILE_FIELDS: Mapping[str, frozenset[str]] = {
    "": frozenset({"ledger_current_index", "random"}),
    "fee": frozenset(
        {"current_ledger_size", "current_queue_size", "drops", "expected_ledger_size", "levels", "max_queue_size"}
    ),
    "ping": frozenset({"ip"}),
    "server_info": frozenset({"info"}),
    "server_state": frozenset({"state"}),
}
"""By method, and for every method under "": the fields that change from one asking to the next."""

Verdict = Literal["same", "different", "not asked"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one comparison.

    A client of version `client`, served from a node asked at version `node`, against what that node answers natively.
    """

    method: str
    params: JsonObject
    transport: str
    client: int
    node: int
    verdict: Verdict
    differences: tuple[str, ...] = ()
    reason: str = ""
    """Why it was not asked."""

    @property
    def direction(self) -> str:
        """For people: `v1 on v2` is a client of version 1 in front of a node spoken to in version 2."""
        return f"v{self.client} on v{self.node}"


def differences(native: JsonObject, got: JsonObject, question: NodeRequest, ignored: frozenset[str]) -> tuple[str, ...]:
    """Each place where `got` is not as `native`, as a line of text, the first of them only; fields `ignored` apart."""
    living = VOLATILE_FIELDS[""] | VOLATILE_FIELDS.get(question.method, frozenset())
    found: list[str] = []
    _compare(native, got, "", living, ignored, found)
    return tuple(found[:_MOST_DIFFERENCES])


def _compare(
    native: Any, got: Any, path: str, living: frozenset[str], ignored: frozenset[str], found: list[str]
) -> None:
    if type(native) is not type(got):
        found.append(_line(path, _shown(native), _shown(got)))
    elif isinstance(native, dict):
        for name in sorted((native.keys() | got.keys()) - ignored):
            if name not in native or name not in got:
                found.append(_line(f"{path}/{name}", _member(native, name), _member(got, name)))
            elif name not in living or type(native[name]) is not type(got[name]):
                _compare(native[name], got[name], f"{path}/{name}", living, ignored, found)
    elif isinstance(native, list):
        if len(native) != len(got):
            found.append(_line(path, f"{len(native)} items", f"{len(got)} items"))
        for number, (one, other) in enumerate(zip(native, got, strict=False)):
            _compare(one, other, f"{path}[{number}]", living, ignored, found)
    elif native != got:
        found.append(_line(path, _shown(native), _shown(got)))


def _member(holder: JsonObject, name: str) -> str:
    return _shown(holder[name]) if name in holder else "absent"


def _shown(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= _SHOWN_BYTES else f"{text[: _SHOWN_BYTES - 1]}…"


def _line(path: str, native: str, got: str) -> str:
    return f"{path or '/'}: natively {native}, translated {got}"
