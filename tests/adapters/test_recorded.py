"""Every recorded exchange comes out as native at every pair of versions, and leaves the client's parameters alone."""

import pytest

from proxy.demo.recorded import PortKind
from tests.support.conformance import NUMBERED_PAIRS, RIPPLED, Pair, differences
from tests.support.native import RecordedNode, serve
from tests.support.recorded import is_fault, recorded_requests


@pytest.mark.parametrize("port_kind", ["public", "admin"])
@pytest.mark.parametrize("pair", NUMBERED_PAIRS, ids="{0.release}-{0.client}-{0.node}".format)
def test_as_native(pair: Pair, port_kind: PortKind) -> None:
    release, client, node = pair.release, int(pair.client), pair.node
    its_own, behind = RecordedNode(client, port_kind, release), RecordedNode(node, port_kind, release)
    differing = {}
    compared = 0
    for question in recorded_requests(port_kind, release):
        native = its_own.ask(question)
        if is_fault(question, native):
            continue
        compared += 1
        got = serve(client, node, question.method, question.params, behind.ask)
        if found := differences(native, got):
            differing[f"{question.method} {question.params}"] = found[:4]
    assert not differing, "\n".join(f"{name}: {found}" for name, found in differing.items())
    assert compared > (600 if port_kind == "public" else 5) or release != RIPPLED
