"""What client libraries do when the node under their session is lost: the proxy's close code has them connect again."""

import asyncio

import aiohttp
import pytest

from proxy.demo import DemoNode
from proxy.server.proxy import Proxy
from tests.support.libraries import Library, Script, running, websocket_url
from tests.support.start import StartNode, StartProxy

XRPL_PY = [Library("xrpl_py", version) for version in (1, 2)]
XRPL_JS = [Library("xrpl_js", version) for version in (1, 2)]
SERVICE_RESTART = aiohttp.WSCloseCode.SERVICE_RESTART
PLACE_OF_TRANSACTION = {1: "transaction", 2: "tx_json"}

pytestmark = pytest.mark.clients


async def ready(proxy: Proxy) -> None:
    """Waits until the proxy has found its node again."""
    async with asyncio.timeout(20), aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{proxy.observe_url}/ready") as response:
                if response.status == 200:
                    return
            await asyncio.sleep(0.05)


def heard(script: Script, word: str) -> bool:
    return any(word in said for said in script.said)


@pytest.mark.parametrize("library", XRPL_JS, ids=str)
async def test_xrpl_js_continues_at_another_node(demo_node: StartNode, proxy: StartProxy, library: Library) -> None:
    nodes = [await demo_node(1), await demo_node(2)]
    ours = await proxy(*nodes)
    async with running(library, "lost_node", websocket_url(ours)) as script:
        await script.says("subscribed")
        before = await script.says("transaction")
        lost, other = sorted(nodes, key=lambda node: -node.asked["subscribe"])
        await lost.stop()
        assert await script.says("disconnected") == SERVICE_RESTART
        await script.says("subscribed")
        after = await script.says("transaction")
    assert other.asked["subscribe"] == 1
    assert PLACE_OF_TRANSACTION[library.api_version] in before
    assert after == before, "the other node's version shows"
    assert not heard(script, "error")


@pytest.mark.parametrize("library", XRPL_JS, ids=str)
async def test_xrpl_js_tries_once(demo_node: StartNode, proxy: StartProxy, library: Library) -> None:
    """No fault of the proxy's, but a reason for `websocket.reconnect`: once refused, xrpl.js does not try again."""
    node = await demo_node(2)
    ours = await proxy(node)
    async with running(library, "lost_node", websocket_url(ours)) as script:
        await script.says("ledger")
        await node.stop()
        assert await script.says("disconnected") == SERVICE_RESTART
        assert await script.says("error") == ["reconnect", "Unexpected server response: 503"]
        await node.start()
        await ready(ours)
        script.tell("connect")
        await script.says("subscribed")


@pytest.mark.parametrize("library", XRPL_JS, ids=str)
async def test_xrpl_js_notices_nothing_where_the_proxy_reconnects(
    demo_node: StartNode, proxy: StartProxy, library: Library
) -> None:
    node = await demo_node(2)
    ours = await proxy(node, websocket={"reconnect": True})
    async with running(library, "lost_node", websocket_url(ours)) as script:
        first = await script.says("ledger")
        while await script.says("ledger") != first + 51:  # the last one that the demo node pushes
            pass
        await restart(node)
        assert await script.says("ledger") == first  # the demo node pushes them all to a new subscriber
    assert len([said for said in script.said if "subscribed" in said]) == 1
    assert not heard(script, "error")


async def restart(node: DemoNode) -> None:
    await node.stop()
    await node.start()


@pytest.mark.parametrize("kind", ["WebsocketClient", "AsyncWebsocketClient"])
@pytest.mark.parametrize("library", XRPL_PY, ids=str)
async def test_xrpl_py_knows_and_opens_again(
    demo_node: StartNode, proxy: StartProxy, library: Library, kind: str
) -> None:
    node = await demo_node(2)
    ours = await proxy(node)
    async with running(library, "lost_node", websocket_url(ours), kind) as script:
        await script.says("subscribed")
        await node.stop()
        assert await script.says("closed") == "Websocket is not open"
        await node.start()
        await ready(ours)
        script.tell("open")
        await script.says("reopened")
        await script.result()


@pytest.mark.parametrize("library", XRPL_JS, ids=str)
async def test_xrpl_js_leaves_for_good(demo_node: StartNode, proxy: StartProxy, library: Library) -> None:
    ours = await proxy(await demo_node(2))
    async with running(library, "lost_node", websocket_url(ours)) as script:
        await script.says("subscribed")
        script.tell("disconnect")
        assert await script.says("disconnected") == aiohttp.WSCloseCode.OK
        await script.result(seconds=5)  # it ends by itself: nothing keeps the library alive
    assert not heard(script, "error")
