"""Every recorded exchange comes out as native at every pair of versions, and leaves the client's parameters alone."""

from itertools import product

import pytest

from adapters import VERSIONS
from proxy.demo.recorded import PortKind
from tests.support.conformance import differences
from tests.support.native import RecordedNode, serve
from tests.support.recorded import is_fault, recorded_requests

OFFERED = range(VERSIONS.oldest, VERSIONS.newest + 1)


@pytest.mark.parametrize("port_kind", ["public", "admin"])
@pytest.mark.parametrize(("client", "node"), list(product(OFFERED, OFFERED)))
def test_as_native(client: int, node: int, port_kind: PortKind) -> None:
    its_own, behind = RecordedNode(client, port_kind), RecordedNode(node, port_kind)
    differing = {}
    compared = 0
    for question in recorded_requests(port_kind):
        native = its_own.ask(question)
        if is_fault(question, native):
            continue
        compared += 1
        got = serve(client, node, question.method, question.params, behind.ask)
        if found := differences(native, got):
            differing[f"{question.method} {question.params}"] = found[:4]
    assert not differing, "\n".join(f"{name}: {found}" for name, found in differing.items())
    assert compared > (600 if port_kind == "public" else 5)
