"""Every recorded exchange comes out as native at every pair of versions, and leaves the client's parameters alone."""

from functools import cache
from itertools import product

import pytest

from adapters import VERSIONS, JsonObject, NodeRequest
from proxy.demo.recorded import PortKind, read_lines
from tests.support.conformance import UNCOMPARED, differences
from tests.support.native import RecordedNode, serve

OFFERED = range(VERSIONS.oldest, VERSIONS.newest + 1)


@cache
def asked(port_kind: PortKind) -> list[NodeRequest]:
    """Each recorded question once."""
    entries = read_lines("exchanges.jsonl.gz")
    return [
        NodeRequest(entry["method"], entry["params"] or {})
        for entry in entries
        if entry["port"] == port_kind and entry["method"] not in UNCOMPARED
    ]


def is_fault(question: NodeRequest, native: JsonObject) -> bool:
    """Version 2 of rippled fails on a queue that is not empty; a client may get better."""
    return question.method == "ledger" and native.get("error") == "internal"


@pytest.mark.parametrize("port_kind", ["public", "admin"])
@pytest.mark.parametrize(("client", "node"), list(product(OFFERED, OFFERED)))
def test_as_native(client: int, node: int, port_kind: PortKind) -> None:
    its_own, behind = RecordedNode(client, port_kind), RecordedNode(node, port_kind)
    differing = {}
    compared = 0
    for question in asked(port_kind):
        native = its_own.ask(question)
        if is_fault(question, native):
            continue
        compared += 1
        got = serve(client, node, question.method, question.params, behind.ask)
        if found := differences(native, got):
            differing[f"{question.method} {question.params}"] = found[:4]
    assert not differing, "\n".join(f"{name}: {found}" for name, found in differing.items())
    assert compared > (600 if port_kind == "public" else 5)
