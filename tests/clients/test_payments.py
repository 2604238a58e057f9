"""Today's client libraries pay through the proxy, whichever server is behind it, and see the payment everywhere."""

from datetime import datetime

import orjson
import pytest

from proxy.demo import DemoClio, DemoNode
from tests.support.libraries import Library, running, websocket_url
from tests.support.start import StartProxy

SEED = "shkGoF1LvWGge9MHqGkzvnDiQZZKQ"  # of the recordings' Alice
BOB = "rMzP2VnvYTauuRtGxJxJ6imu2qz5WNSTwg"

pytestmark = pytest.mark.clients


def node(name: str, api_version: int) -> DemoNode | DemoClio:
    """A demo node of a release."""
    return DemoClio(api_version) if name == "clio" else DemoNode(api_version, release=name)


@pytest.mark.parametrize("library", [Library("xrpl_py", 2), Library("xrpl_js", 2)], ids=str)
@pytest.mark.parametrize(
    ("name", "api_version"),
    [("rippled-1.12", 1), ("rippled-2.6", 1), ("rippled-2.6", 2), ("xrpld-3.3", 2), ("clio", 2)],
)
async def test_a_payment_is_submitted_and_validated(
    proxy: StartProxy, library: Library, name: str, api_version: int
) -> None:
    async with node(name, api_version) as behind:
        ours = await proxy(behind, websocket={"share_subscriptions": False})
        async with running(library, "payment", websocket_url(ours), SEED, BOB) as script:
            made = orjson.loads(await script.result())
    before, after = ([int(drops) for drops in made[when]] for when in ("before", "after"))
    assert made["validated"] == [True, True]
    assert made["amount"] == made["delivered"] == "1500000"
    assert after == [before[0] - 1_500_000 - int(made["fee"]), before[1] + 1_500_000]
    assert len(set(made["hashes"])) == len(set(made["ledgers"])) == 1
    assert made["closed"]
    assert datetime.fromisoformat(made["time"]).tzinfo is not None
    assert not isinstance(behind, DemoNode) or behind.misses == []
