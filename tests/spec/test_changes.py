"""What the schemas say has changed is what the adapters change."""

from itertools import pairwise

import pytest

from adapters import VERSIONS
from proxy.spec import Change, changes, versions

# Adapters for which no schema differs: they choose between faults that both versions have.
ONLY_WHICH_FAULT = {"amm_info"}
# Changes that need no adapter: the proxy answers `version` itself.
WITHOUT_ADAPTER = {"version"}
# Beside what its adapter changes, an error of another method's check may come through it.
PASSED_ON = {"simulate"}


def reported(older: int, newer: int) -> set[str]:
    """Every method and kind of pushed message that has changed, itself or by a type within it."""
    found = changes(older, newer)
    types = {name for change in found if change.part == "type" for name in change.within}
    return types | {change.subject for change in found if change.part != "type"} - {"any method"}


@pytest.mark.parametrize(("older", "newer"), list(pairwise(range(VERSIONS.oldest, VERSIONS.newest + 1))))
def test_schemas_and_adapters_agree(older: int, newer: int) -> None:
    (step,) = VERSIONS.route(older, newer)
    adapted = step.methods.keys() | step.streams.downgrades.keys() | step.streams.upgrades.keys()
    found = reported(older, newer)
    assert adapted - found <= ONLY_WHICH_FAULT
    assert found - adapted <= WITHOUT_ADAPTER | PASSED_ON


def test_what_is_reported() -> None:
    found = changes(1, 2)
    assert Change("tx_history", "method", "removed") in found
    assert Change("account_info", "answer", "added", "signer_lists", after="SignerList[], optional") in found
    assert Change("account_tx", "error", "added", "invalidLgrRange") in found
    assert Change("any method", "error", "added", "notSynced") in found
    (header,) = (change for change in found if change.subject == "LedgerHeader")
    assert (header.path, header.before, header.after) == (
        "ledger_index",
        "NumberText, optional",
        "UInt32, optional",
    )
    assert header.within == ("ledger", "ledger_data", "ledger_header", "ledger_request")
    assert str(header) == ("LedgerHeader: type: ledger_index changed from NumberText, optional to UInt32, optional")


def test_over_several_versions() -> None:
    assert {str(change) for change in changes(2, 3)} <= {str(change) for change in changes(1, 3)}


@pytest.mark.parametrize(("older", "newer"), [(2, 1), (1, 1), (0, 1), (1, versions()[-1] + 1)])
def test_versions_that_make_no_sense(older: int, newer: int) -> None:
    with pytest.raises(ValueError, match=r"version"):
        changes(older, newer)
