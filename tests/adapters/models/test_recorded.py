"""What real servers answered is what the models say."""

from functools import cache
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from adapters import VERSIONS
from adapters.models.versions import models_of
from proxy.demo.recorded import API_VERSIONS, read_lines, read_streams

RECORDED = [
    (release, version)
    for release in ("rippled-2.6", "xrpld-3.3")
    for version in API_VERSIONS[release]
    if version in VERSIONS.known
]


@cache
def model(version: int, stem: str) -> TypeAdapter[Any]:
    return TypeAdapter(models_of(version).types[stem])


def fault(version: int, stem: str, value: Any) -> str | None:
    try:
        model(version, stem).validate_python(value)
    except ValidationError as wrong:
        return str(wrong)[:300]
    return None


@pytest.mark.parametrize(("release", "version"), RECORDED)
def test_answers(release: str, version: int) -> None:
    faults, seen = {}, set()
    methods = models_of(version).methods
    for entry in read_lines("exchanges.jsonl.xz", release):
        body = entry["http"].get(str(version), {}).get("body")
        if entry["method"] in methods and isinstance(body, dict) and "result" in body:
            result = body["result"]
            part = "ErrorResponse" if "error" in result else "SuccessResponse"
            faults[entry["id"]] = fault(version, methods[entry["method"]].stem + part, result)
            seen.add((entry["method"], part))
    assert [f"{name}: {found}" for name, found in faults.items() if found] == []
    assert len(seen) > 70


@pytest.mark.parametrize("version", API_VERSIONS["rippled-2.6"])
def test_messages(version: int) -> None:
    faults, seen = [], set()
    for group in ("streams", "accounts", "books"):
        for message in read_streams()[f"{group}/{version}"]["messages"]:
            faults.append(fault(version, models_of(version).streams[message["type"]], message))
            seen.add(message["type"])
    assert [found for found in faults if found] == []
    assert {"ledgerClosed", "transaction", "bookChanges"} <= seen
