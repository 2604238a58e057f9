"""Two results compared field by field; of volatile fields only presence and type."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import orjson

from adapters import VERSIONS, JsonObject, NodeRequest
from adapters.json_values import ABSENT, Difference, json_differences

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
"""By method, and for all methods under "": the fields that change from one request to the next."""


Verdict = Literal["same", "different", "not compared"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one comparison.

    A client of version `client`, served from a node used in version `node`, against that node's native response.
    """

    method: str
    params: JsonObject
    transport: str
    client: int
    node: int
    verdict: Verdict
    differences: tuple[str, ...] = ()
    reason: str = ""
    """Why it was not compared."""

    @property
    def direction(self) -> str:
        """For people: `v1 on v2` is a client of version 1 and a node used in version 2."""
        return f"v{self.client} on v{self.node}"


def differences(native: JsonObject, got: JsonObject, request: NodeRequest, ignored: frozenset[str]) -> tuple[str, ...]:
    """The first differences of `got` from `native`, one line each, without `ignored` fields."""
    volatile = VOLATILE_FIELDS[""] | VOLATILE_FIELDS.get(request.method, frozenset())
    inexact = VERSIONS.inexact_fields(request.method)
    found = json_differences(native, got, ignored=ignored, volatile=volatile)
    exact = (difference for difference in found if difference.path not in inexact)
    return tuple(line_of(difference) for difference in islice(exact, _MOST_DIFFERENCES))


def line_of(difference: Difference) -> str:
    """A difference as a line of text, its values shortened."""
    path, native, got = difference
    if isinstance(native, list) and isinstance(got, list):
        return f"{path or '/'}: natively {len(native)} items, translated {len(got)} items"
    return f"{path or '/'}: natively {_shown(native)}, translated {_shown(got)}"


def _shown(value: Any) -> str:
    if value is ABSENT:
        return "absent"
    text = orjson.dumps(value).decode()
    return text if len(text) <= _SHOWN_BYTES else f"{text[: _SHOWN_BYTES - 1]}…"
