"""The comparison finds what differs: else all of conformance would prove nothing."""

from typing import Any

import pytest

from tests.support.conformance import SHOWN_PER_METHOD, Case, compare, differences


@pytest.mark.parametrize(
    ("native", "got", "path"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "/a/b"),
        ({"a": 1}, {"a": 1.0}, "/a"),
        ({"a": 1}, {"a": True}, "/a"),
        ({"a": 1}, {}, "/a"),
        ({}, {"a": None}, "/a"),
        ({"a": [1, 2]}, {"a": [2, 1]}, "/a[0]"),
        ({"a": [1, 2]}, {"a": [1]}, "/a (length)"),
        ({"a": "1"}, {"a": 1}, "/a"),
        ([], {}, "(all)"),
    ],
)
def test_differences(native: Any, got: Any, path: str) -> None:
    assert differences(native, got)[0].split(": ")[0] == path
    assert differences(native, native) == []


async def test_report_is_short_and_counts_all() -> None:
    async def ask(case: Case) -> Any:
        return {"n": int(case.id) % 2}

    report = await compare(ask, [Case(str(n), "tx", None, {"n": 0}) for n in range(20)])
    text = str(report)
    assert text.startswith("10 of 20 as native\ntx: 10 of 20 differ\n")
    assert text.count("/n: native '0', proxy '1'") == SHOWN_PER_METHOD
