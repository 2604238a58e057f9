"""Over HTTP every client is answered as a rippled would answer it natively, whatever version the node speaks."""

import pytest

from proxy.demo.recorded import PortKind
from tests.support.conformance import PAIRS, Pair, assert_answers_native
from tests.support.start import StartNode, StartProxy


@pytest.mark.parametrize("port_kind", ["public", "admin"])
@pytest.mark.parametrize("pair", PAIRS, ids="{0.release}-client-{0.client}-node-{0.node}".format)
async def test_as_native(demo_node: StartNode, proxy: StartProxy, pair: Pair, port_kind: PortKind) -> None:
    await assert_answers_native(demo_node, proxy, pair, "http", port_kind)
