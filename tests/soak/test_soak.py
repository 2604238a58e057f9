"""The soak tests, short; `make soak SECONDS=3600`, also with `WORKERS=2`, runs them for as long as one likes."""

import pytest

from tests.soak.outside import soak_workers
from tests.soak.soak import soak

pytestmark = pytest.mark.slow  # it runs for a time that it is given


@pytest.mark.timeout(120)
async def test_soak() -> None:
    found = await soak(seconds=7, sessions=150)
    assert not found.faults, "\n".join([str(dict(found.counts)), *found.faults])
    pushed = ("pushed", "pushed to all")
    for what in ("answers", *pushed, "polite", "abrupt", "slow", "silent", "client_too_slow", "node_lost"):
        assert found.counts[what], what


@pytest.mark.timeout(120)
async def test_soak_of_workers() -> None:
    found = await soak_workers(seconds=6, sessions=60, workers=2)
    assert not found.faults, "\n".join([str(dict(found.counts)), *found.faults])
    for what in ("answers", "pushed", "kB of all proxies at the end", "log workers_started"):
        assert found.counts[what], what
