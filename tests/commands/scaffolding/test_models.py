"""The drafted models are subclasses that accept what the newer version answered, and not what the older one did."""

from types import SimpleNamespace
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from adapters.models.model import Model
from adapters.models.server import FeeSuccessResponse
from proxy.commands.scaffolding.methods import MethodDraft
from proxy.commands.scaffolding.models import draft_models

FEE: dict[str, Any] = {
    "current_ledger_size": "1",
    "current_queue_size": "1",
    "expected_ledger_size": "1",
    "ledger_current_index": 5,
    "drops": {"base_fee": "10", "median_fee": "10", "minimum_fee": "10", "open_ledger_fee": "10"},
    "levels": {"median_level": "1", "minimum_level": "1", "open_ledger_level": "1", "reference_level": "1"},
}
NEW_FEE = {
    **{name: value for name, value in FEE.items() if name != "ledger_current_index"},
    "drops": dict.fromkeys(FEE["drops"], 10),
    "note": None,
}
LINE: dict[str, Any] = {"limit": "1", "quality_in": 0}
CLOSED = {"type": "ledgerClosed", "txn_count": 1}


def drafted(*exchanges: tuple[str, Any, Any], removed: str = "", pushed: Any = ()) -> str:
    drafts = [MethodDraft(method) for method in dict.fromkeys(method for method, _, _ in exchanges)]
    drafts += [MethodDraft(removed, removed=True)] if removed else []
    return draft_models(
        3,
        drafts,
        [SimpleNamespace(method=method, older=older, newer=newer) for method, older, newer in exchanges],  # type: ignore[misc]
        SimpleNamespace(down={"ledgerClosed": None} if pushed else {}),  # type: ignore[arg-type]
        [SimpleNamespace(older=older, newer=newer) for older, newer in pushed],  # type: ignore[misc]
    )


def run(text: str) -> dict[str, Any]:
    module: dict[str, Any] = {"__name__": "drafted"}
    exec(text, module)
    return module


def test_members_inside_members() -> None:
    model = run(drafted(("fee", FEE, NEW_FEE), ("fee", FEE, {**NEW_FEE, "now": 1})))["FeeSuccessResponseV4"]
    assert issubclass(model, FeeSuccessResponse)
    assert model.model_validate(NEW_FEE).model_dump(exclude_unset=True) == NEW_FEE
    with pytest.raises(ValidationError) as raised:
        model.model_validate({**FEE, "note": None})
    places = {".".join(map(str, error["loc"])) for error in raised.value.errors()}
    assert places == {"ledger_current_index", *(f"drops.{name}" for name in FEE["drops"])}


def test_items_of_a_list() -> None:
    module = run(drafted(("account_lines", {"lines": [LINE, LINE]}, {"lines": [{**LINE, "limit": 1}] * 2})))
    line = module["TrustLineV4"]
    assert get_args(module["AccountLinesSuccessResponseV4"].model_fields["lines"].annotation) == (line,)
    assert line.model_fields["limit"].annotation is int


def test_messages_and_removed_methods() -> None:
    text = drafted(removed="owner_info", pushed=[(CLOSED, {"type": "ledgerClosed", "count": 1})])
    module = run(text)
    assert module["REMOVED"] == ("owner_info",)
    assert {"txn_count", "count"} <= module["LedgerClosedMessageV4"].model_fields.keys()


def test_one_of_several_results_is_a_question() -> None:
    text = drafted(("tx", {"old": 1}, {"new": [1]}))
    assert "Which of TxSuccessResponseV2 it extends is a question." in text
    assert run(text)["TxSuccessResponseV4"].__base__ is Model


def test_texts_of_a_known_format() -> None:
    newer = {**FEE, "hash": "A" * 64, "name": "A"}
    text = drafted(("fee", FEE, newer), ("fee", FEE, {**newer, "hash": "B" * 64}))
    assert "    hash: Hash256\n" in text
    assert "    name: str\n" in text
    run(text)


def test_nothing_has_changed() -> None:
    assert "class" not in drafted(("fee", FEE, FEE))
