"""The soak test, short; `make soak SECONDS=3600` runs it for as long as one likes."""

import pytest

from tests.soak.soak import soak


@pytest.mark.timeout(120)
async def test_soak() -> None:
    found = await soak(seconds=7, sessions=150)
    assert not found.faults, "\n".join([str(dict(found.counts)), *found.faults])
    pushed = ("pushed", "pushed to all")
    for what in ("answers", *pushed, "polite", "abrupt", "slow", "silent", "client_too_slow", "node_lost"):
        assert found.counts[what], what
