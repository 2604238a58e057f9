"""Over HTTP every client is answered as a rippled would answer it natively, whatever version the node speaks."""

import pytest

from proxy.demo.recorded import PortKind
from tests.conftest import StartNode, StartProxy
from tests.support.conformance import ADMIN_METHODS, CLIENTS, NODES, VERSIONS, ClientVersion, cases, compare_http


@pytest.mark.parametrize("port_kind", ["public", "admin"])
@pytest.mark.parametrize("node_version", NODES, ids="node-{}".format)
@pytest.mark.parametrize("client", CLIENTS, ids="client-{}".format)
async def test_as_native(
    demo_node: StartNode,
    proxy: StartProxy,
    client: ClientVersion,
    node_version: int,
    port_kind: PortKind,
) -> None:
    node = await demo_node(node_version, port_kind)
    allowed = ADMIN_METHODS if port_kind == "admin" else ()
    served = await proxy(
        node, versions=VERSIONS, guard={"allow_admin_methods": allowed, "allow_admin_nodes": port_kind == "admin"}
    )
    report = await compare_http(served.http_url, cases("http", client, port_kind))
    assert not report.differing, str(report)
    assert report.compared.total() > (600 if port_kind == "public" else 5)
    assert node.misses == []
