"""An answer read without its metadata is written as if it had been read wholly, whatever a node writes."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.answers import all_cases
from proxy.demo.recorded import read_lines
from proxy.envelope.lazy_metadata import loads_lazy_metadata
from proxy.envelope.methods import METADATA_METHODS

LISTS = [case for case in all_cases() if 10_000 < len(case.answer) < 2_000_000]


def lists_metadata(value: Any) -> bool:
    """Whether some of it stayed text."""
    result = value["result"]
    entries = result["transactions"] if "transactions" in result else result["ledger"]["transactions"]
    return any(isinstance(entry.get("meta", entry.get("metaData")), orjson.Fragment) for entry in entries)


@pytest.mark.parametrize("case", LISTS, ids=lambda case: case.name)
def test_metadata_stays_text(case: Any) -> None:
    for text in (case.answer, bytearray(case.answer)):  # a large body is a bytearray
        value = loads_lazy_metadata(text)
        assert lists_metadata(value)
        assert orjson.loads(orjson.dumps(value)) == orjson.loads(case.answer)


@pytest.mark.parametrize("case", LISTS, ids=lambda case: case.name)
@pytest.mark.parametrize("layout", [{"indent": 2}, {"separators": (", ", " : ")}], ids=["indented", "spaced"])
def test_metadata_with_blanks_stays_text_too(case: Any, layout: dict[str, Any]) -> None:
    text = json.dumps(orjson.loads(case.answer), **layout).encode()
    value = loads_lazy_metadata(text)
    assert lists_metadata(value)
    assert orjson.loads(orjson.dumps(value)) == orjson.loads(case.answer)


def test_every_recorded_answer_comes_back() -> None:
    answers = 0
    for line in read_lines("exchanges.jsonl.xz"):
        for reported in line["http"].values():
            if line["method"] in METADATA_METHODS and isinstance(reported["body"], dict):
                text = orjson.dumps(reported["body"])
                assert orjson.loads(orjson.dumps(loads_lazy_metadata(text))) == reported["body"]
                answers += 1
    assert answers > 300


TEXTS = st.sampled_from(
    ['"meta":{"AffectedNodes":', '"TransactionResult":"tesSUCCESS"', "}", "{", '"tx_json":{', "\\", "]", 'x"', "{}"]
)
VALUES = st.recursive(
    st.none() | st.integers(0, 3) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["meta", "metaData", "AffectedNodes", "TransactionResult", "delivered_amount", "hash"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
METADATA = st.fixed_dictionaries(
    {"AffectedNodes": VALUES, "TransactionResult": st.just("tesSUCCESS")}, optional={"delivered_amount": VALUES}
)
ENTRIES = st.lists(
    st.fixed_dictionaries({"hash": TEXTS, "meta": METADATA | VALUES, "tx_json": VALUES})
    | st.fixed_dictionaries({"Memo": VALUES, "metaData": METADATA | VALUES}),
    max_size=4,
)


@given(ENTRIES, st.booleans())
def test_nothing_that_looks_like_metadata_is_mistaken_for_it(entries: list[Any], in_ledger: bool) -> None:
    result = {"ledger": {"transactions": entries}} if in_ledger else {"transactions": entries}
    answer = {"result": {**result, "filling": "x" * 5_000}}
    for text in (orjson.dumps(answer), json.dumps(answer, indent=1).encode()):
        assert orjson.loads(orjson.dumps(loads_lazy_metadata(text))) == answer


@pytest.mark.parametrize("cut", [1, 100, 20_000])
def test_an_incomplete_one_is_refused(cut: int) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        loads_lazy_metadata(LISTS[0].answer[:-cut])
