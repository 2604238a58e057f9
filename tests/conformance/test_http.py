"""Over HTTP every client is answered as a rippled would answer it natively, whatever version the node speaks."""

import pytest

from proxy.demo.recorded import PortKind
from tests.support.conformance import ADMIN_METHODS, PAIRS, RIPPLED, VERSIONS, Pair, cases, compare_http
from tests.support.start import StartNode, StartProxy


@pytest.mark.parametrize("port_kind", ["public", "admin"])
@pytest.mark.parametrize("pair", PAIRS, ids="{0.release}-client-{0.client}-node-{0.node}".format)
async def test_as_native(
    demo_node: StartNode,
    proxy: StartProxy,
    pair: Pair,
    port_kind: PortKind,
) -> None:
    node = await demo_node(pair.node, port_kind, release=pair.release)
    allowed = ADMIN_METHODS if port_kind == "admin" else ()
    served = await proxy(
        node, versions=VERSIONS, guard={"allow_admin_methods": allowed, "allow_admin_nodes": port_kind == "admin"}
    )
    report = await compare_http(served.http_url, cases("http", pair.client, port_kind, pair.release))
    assert not report.differing, str(report)
    assert report.compared.total() > (600 if port_kind == "public" else 5) or pair.release != RIPPLED
    assert node.misses == []
