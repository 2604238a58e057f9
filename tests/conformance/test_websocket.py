"""Over WebSocket every client is answered, and told what is pushed, as a rippled would natively."""

import pytest

from proxy.demo.recorded import PortKind
from tests.conftest import StartNode, StartProxy
from tests.support.conformance import (
    ADMIN_METHODS,
    CLIENTS,
    NODES,
    VERSIONS,
    ClientVersion,
    cases,
    compare_stream,
    compare_websocket,
    recorded_stream,
)

for_every_node = pytest.mark.parametrize("node_version", NODES, ids="node-{}".format)
for_every_client = pytest.mark.parametrize("client", CLIENTS, ids="client-{}".format)


@pytest.mark.parametrize("port_kind", ["public", "admin"])
@for_every_node
@for_every_client
async def test_answers_as_native(
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
    report = await compare_websocket(served.http_url, cases("ws", client, port_kind))
    assert not report.differing, str(report)
    assert report.compared.total() > (600 if port_kind == "public" else 5)
    assert node.misses == []


@pytest.mark.parametrize("group", ["streams", "accounts", "books"])
@for_every_node
@for_every_client
async def test_pushes_as_native(
    demo_node: StartNode, proxy: StartProxy, client: ClientVersion, node_version: int, group: str
) -> None:
    node = await demo_node(node_version)
    served = await proxy(node, versions=VERSIONS)
    report = await compare_stream(served.http_url, recorded_stream(group, client))
    assert not report.differing, str(report)
    assert report.compared.total() > 5
    assert node.misses == []
