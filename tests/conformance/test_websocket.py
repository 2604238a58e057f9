"""Over WebSocket every client gets the responses and the pushed messages that a rippled would send natively."""

import pytest

from proxy.demo.recorded import PortKind
from tests.support.conformance import (
    ADMIN_METHODS,
    PAIRS,
    RIPPLED,
    STREAM_PAIRS,
    VERSIONS,
    Pair,
    cases,
    compare_stream,
    compare_websocket,
    recorded_stream,
)
from tests.support.start import StartNode, StartProxy

for_every_pair = pytest.mark.parametrize("pair", PAIRS, ids="{0.release}-client-{0.client}-node-{0.node}".format)


@pytest.mark.parametrize("port_kind", ["public", "admin"])
@for_every_pair
async def test_answers_as_native(
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
    report = await compare_websocket(served.http_url, cases("ws", pair.client, port_kind, pair.release))
    assert not report.differing, str(report)
    assert report.compared.total() > (600 if port_kind == "public" else 5) or pair.release != RIPPLED
    assert node.misses == []


@pytest.mark.parametrize(("pair", "group"), STREAM_PAIRS, ids=str)
async def test_pushes_as_native(demo_node: StartNode, proxy: StartProxy, pair: Pair, group: str) -> None:
    node = await demo_node(pair.node, release=pair.release)
    served = await proxy(node, versions=VERSIONS)
    report = await compare_stream(served.http_url, recorded_stream(group, pair.client, pair.release))
    assert not report.differing, str(report)
    assert report.compared.total() > 5
    assert node.misses == []
