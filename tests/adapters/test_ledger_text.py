"""A ledger from version 1 to 2 by its text is the same as by its values, whatever its transactions contain."""

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import VERSIONS, NodeInfo
from adapters.unparsed import UnparsedTransactions
from proxy.demo.recorded import read_lines
from proxy.envelope.unparsed_ledger import loads_unparsed_ledger

RIPPLED, CLIO = NodeInfo("rippled", (2, 6, 1)), NodeInfo("clio", (2, 6, 0))
HASH = "E3" * 32
METADATA = {
    "AffectedNodes": [{"ModifiedNode": {"hash": "x"}}],
    "TransactionIndex": 0,
    "TransactionResult": "tesSUCCESS",
}
AMOUNT = {"currency": "USD", "issuer": "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY", "value": "1"}


def converted(result: Any) -> Any:
    """The result of version 2."""
    conversation = VERSIONS.pipeline(2, 1, "ledger", RIPPLED).converse({"ledger_index": 7})
    next(conversation)
    try:
        conversation.send(result)
    except StopIteration as stop:
        return orjson.loads(orjson.dumps(stop.value))
    raise AssertionError


def response(*transactions: Any) -> bytes:
    """A node's response of version 1, with members in the order in which rippled writes them."""
    ledger = {"close_time": 700_000_000, "closed": True, "ledger_index": "7", "transactions": list(transactions)}
    result = {"ledger": ledger, "ledger_hash": "A" * 64, "ledger_index": 7, "status": "success", "validated": True}
    return orjson.dumps({"result": result}, option=orjson.OPT_SORT_KEYS)


def transaction(**fields: Any) -> dict[str, Any]:
    """A transaction of version 1."""
    return {"Account": "r", "TransactionType": "AccountSet", "hash": HASH, "metaData": METADATA, **fields}


def assert_same(body: bytes) -> None:
    """By its text and by its values."""
    by_text = loads_unparsed_ledger(body)["result"]
    assert isinstance(by_text["ledger"]["transactions"], UnparsedTransactions)
    assert converted(by_text) == converted(orjson.loads(body)["result"])


USUAL = {
    "a payment": {"TransactionType": "Payment", "Amount": AMOUNT, "DeliverMax": AMOUNT, "TxnSignature": "30"},
    "of an old release": {"TransactionType": "Payment", "Amount": "1"},
    "other amounts": {"TransactionType": "Payment", "Amount": "1", "DeliverMax": "12"},
    "an amount that is the beginning of the other": {"TransactionType": "Payment", "Amount": 1, "DeliverMax": 12},
    "an amount of another type": {"TransactionType": "EscrowCreate", "Amount": "1"},
    "a member before the maximum": {
        "TransactionType": "Payment",
        "Amount": AMOUNT,
        "CredentialIDs": ["A"],
        "DeliverMax": AMOUNT,
    },
    "members of others": {"ctid": "C0", "date": 1, "inLedger": 7, "ledger_index": 7},
    "an object at the end": {"XChainBridge": {"LockingChainDoor": "r", "x": "y"}},
    "a list at the end": {"Z": ["a", "b"]},
    "a number at the end": {"WithdrawalPolicy": 1},
    "a transaction within": {
        "TransactionType": "Batch",
        "RawTransactions": [{"RawTransaction": {"TransactionType": "Payment", "Amount": "1", "DeliverMax": "1"}}],
    },
    "text that looks like members": {"Domain": '"hash":"', "Z": '","hash":"' + HASH + '","metaData":{'},
    "a comma at the end": {"Domain": "a,", "Z": "b,"},
    "a backslash at the end": {"Z": "\\"},
    "a short hash": {"hash": "E3"},
    "no hash": {"hash": ""},
}


@pytest.mark.parametrize("fields", USUAL.values(), ids=USUAL)
def test_one_is_the_same(fields: dict[str, Any]) -> None:
    assert_same(response(transaction(), transaction(**fields), transaction()))


@pytest.mark.parametrize("other", ["A" * 64, {"tx_blob": "AB"}, transaction()], ids=["hash", "blob", "object"])
def test_others_between_them_are_converted_too(other: Any) -> None:
    if isinstance(other, dict):
        other = {name: value for name, value in other.items() if name != "metaData"}
    body = response(transaction(), other, transaction(Z="z"))
    assert converted(loads_unparsed_ledger(body)["result"]) == converted(orjson.loads(body)["result"])


NAMES = st.sampled_from(["Amount", "DeliverMax", "Memo", "TransactionType", "Z", "ctid", "hash", "inLedger"])
TEXTS = st.sampled_from(["Payment", HASH, '"', ',"', "\\", "}", '","metaData":', "", "x"])
VALUES = st.recursive(
    TEXTS | st.integers(0, 20) | st.none(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=5), min_size=1, max_size=3))
def test_any_is_the_same(entries: list[dict[str, Any]]) -> None:
    assert_same(response(*(transaction(**fields) for fields in entries)))


def test_every_recorded_one_is_the_same() -> None:
    ledgers = 0
    for line in read_lines("exchanges.jsonl.xz"):
        body = line["http"].get("1", {}).get("body")
        if line["method"] != "ledger" or not isinstance(body, dict) or "error" in body.get("result", {"error": ""}):
            continue
        text = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
        by_text = loads_unparsed_ledger(text)["result"]
        ledgers += isinstance(by_text.get("ledger", {}).get("transactions"), UnparsedTransactions)
        assert converted(by_text) == converted(copy.deepcopy(body["result"]))
    assert ledgers > 0


@pytest.mark.parametrize(
    ("client", "node", "method", "software", "takes"),
    [
        (2, 1, "ledger", RIPPLED, True),
        (2, 1, "ledger", CLIO, False),  # which writes members in another order
        (1, 2, "ledger", RIPPLED, False),
        (2, 1, "account_tx", RIPPLED, False),
    ],
)
def test_only_an_adapter_that_converts_text_gets_it(
    client: int, node: int, method: str, software: NodeInfo, takes: bool
) -> None:
    assert VERSIONS.pipeline(client, node, method, software).takes_unparsed is takes
