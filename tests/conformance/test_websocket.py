"""Over WebSocket every client gets the responses and the pushed messages that a rippled would send natively."""

import pytest

from proxy.demo.recorded import PortKind
from tests.support.conformance import PAIRS, STREAM_PAIRS, Pair, assert_answers_native, assert_pushes_native
from tests.support.start import StartNode, StartProxy


@pytest.mark.parametrize("port_kind", ["public", "admin"])
@pytest.mark.parametrize("pair", PAIRS, ids="{0.release}-client-{0.client}-node-{0.node}".format)
async def test_answers_as_native(demo_node: StartNode, proxy: StartProxy, pair: Pair, port_kind: PortKind) -> None:
    await assert_answers_native(demo_node, proxy, pair, "ws", port_kind)


@pytest.mark.parametrize(("pair", "group"), STREAM_PAIRS, ids=str)
async def test_pushes_as_native(demo_node: StartNode, proxy: StartProxy, pair: Pair, group: str) -> None:
    await assert_pushes_native(demo_node, proxy, pair, group)
