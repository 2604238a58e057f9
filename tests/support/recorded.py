"""The recorded requests, for tests that go through all of them."""

from functools import cache

from adapters import JsonObject, NodeRequest
from proxy.demo.recorded import PortKind, Release, read_lines
from tests.support.conformance import RIPPLED, UNCOMPARED


@cache
def recorded_requests(port_kind: PortKind, release: Release = RIPPLED) -> list[NodeRequest]:
    """Each recorded request, once."""
    entries = read_lines("exchanges.jsonl.xz", release)
    return [
        NodeRequest(entry["method"], entry["params"] or {})
        for entry in entries
        if entry["port"] == port_kind and entry["method"] not in UNCOMPARED
    ]


def is_fault(request: NodeRequest, native: JsonObject) -> bool:
    """Version 2 of rippled fails on a queue that is not empty; a client may get better."""
    return request.method == "ledger" and native.get("error") == "internal"
