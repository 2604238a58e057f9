"""The transactions of a ledger stay text only if the response is exactly as expected; any other is parsed."""

import json
from typing import Any

import orjson
import pytest

from adapters.unparsed import UnparsedTransactions
from bench.answers import ledger
from proxy.envelope.unparsed_ledger import loads_unparsed_ledger

BODY = ledger(2, 1, 100_000).answer
PARSED = orjson.loads(BODY)


def listed(value: Any) -> Any:
    """Its transactions."""
    return value["result"]["ledger"]["transactions"]


@pytest.mark.parametrize("text", [BODY, bytearray(BODY)], ids=["bytes", "bytearray"])
def test_each_transaction_is_its_text(text: bytes | bytearray) -> None:
    transactions = listed(loads_unparsed_ledger(text))
    assert isinstance(transactions, UnparsedTransactions)
    starts = [transactions.start, *(end + 2 for _, end in transactions.metadata[:-1])]
    found = [
        (orjson.loads(text[start : end + 1]), orjson.loads(text[metadata:end]))
        for start, (metadata, end) in zip(starts, transactions.metadata, strict=True)
    ]
    assert found == [(entry, entry["metaData"]) for entry in listed(PARSED)]


def changed(how: str) -> dict[str, Any]:
    """The response with one thing that is not as expected."""
    answer: dict[str, Any] = orjson.loads(BODY)
    entries = listed(answer)
    match how:
        case "a member after the metadata":
            entries[1]["owner_funds"] = "1"
        case "one without metadata":
            del entries[1]["metaData"]
        case "hashes among them":
            entries.insert(2, "A" * 64)
        case "a hash at the end":
            entries.append("A" * 64)
        case "none":
            entries.clear()
        case "version 2's name":
            for entry in entries:
                entry["meta"] = entry.pop("metaData")
        case "another place":
            answer["result"]["transactions"] = answer["result"].pop("ledger")["transactions"]
    return answer


@pytest.mark.parametrize(
    "how",
    [
        "a member after the metadata",
        "one without metadata",
        "hashes among them",
        "a hash at the end",
        "none",
        "version 2's name",
        "another place",
    ],
)
def test_any_other_response_is_parsed(how: str) -> None:
    answer = changed(how)
    value = loads_unparsed_ledger(orjson.dumps(answer))
    if how == "one without metadata":  # it is part of the next one's text, which is parsed later
        assert len(listed(value).metadata) == len(listed(answer)) - 1
        return
    assert orjson.loads(orjson.dumps(value)) == answer


def test_with_blanks_it_is_parsed() -> None:
    value = loads_unparsed_ledger(json.dumps(PARSED, indent=1).encode())
    assert orjson.loads(orjson.dumps(value)) == PARSED


@pytest.mark.parametrize("cut", [1, 100, 20_000])
def test_an_incomplete_one_is_refused(cut: int) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        loads_unparsed_ledger(BODY[:-cut])
