"""Today's client libraries, which ask for version 2, run through the proxy on a rippled 1.12, which lacks it."""

import orjson
import pytest

from proxy.commands.demo import ALICE
from tests.support.libraries import Library, running, websocket_url
from tests.support.start import StartNode, StartProxy

PAYMENT = "D46976E66974ECCA2188C3C0918C83C33C295964BB620E3208B1870A52D44B1C"
TIMED = {"close_time_iso", "ctid", "hash", "ledger_hash", "ledger_index", "meta", "tx_json", "validated"}

pytestmark = pytest.mark.clients


@pytest.mark.parametrize("library", [Library("xrpl_py", 2), Library("xrpl_js", 2)], ids=str)
async def test_reads_and_streams(demo_node: StartNode, proxy: StartProxy, library: Library) -> None:
    node = await demo_node(1, release="rippled-1.12")
    ours = await proxy(node, websocket={"share_subscriptions": False})
    async with running(library, "old_node", websocket_url(ours), ALICE) as script:
        made = orjson.loads(await script.result())
    assert made["balance"] == "20003.586429"
    assert "Payment" in made["types"]
    assert len(set(made["hashes"])) == len(made["hashes"]) > 10
    assert made["payment"] == [PAYMENT, "1234567", "2026-11-27T19:55:14Z"]
    assert set(made["pushed"]) >= TIMED
    assert node.misses == []
