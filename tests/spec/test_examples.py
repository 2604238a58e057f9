"""The examples in the documents are as they say, and were really recorded."""

import pytest

from adapters import VERSIONS
from proxy.demo.recorded import read_lines
from proxy.spec.examples import recorded_examples
from tests.support.validation import document, fault, message_fault


@pytest.mark.parametrize("version", VERSIONS.known)
def test_examples_are_valid(version: int) -> None:
    faults = {}
    for name, path in document("openapi", version)["paths"].items():
        operation = path.get("post", {})
        for place in (operation.get("requestBody", {}), operation.get("responses", {}).get("200", {})):
            content = place.get("content", {}).get("application/json", {})
            schema = content.get("schema", {}).get("$ref", "").rpartition("/")[-1]
            for kind, example in content.get("examples", {}).items():
                faults[f"{name} {schema} {kind}"] = fault(version, schema, example["value"])
    for channel in document("asyncapi", version)["channels"].values():
        for name, message in channel["messages"].items():
            for example in message.get("examples", ()):
                faults[f"{name} {example['name']}"] = message_fault(version, name, example["payload"])
    assert [f"{name}: {found}" for name, found in faults.items() if found] == []
    assert len(faults) > 100


@pytest.mark.parametrize("version", [1, 2, 3])
def test_examples_were_recorded(version: int) -> None:
    found = recorded_examples(version)
    bodies = {}
    for release, server in (("rippled-2.6", "rippled 2.6.1"), ("xrpld-3.3", "xrpld 3.3.0-b0")):
        for entry in read_lines("exchanges.jsonl.xz", release):
            bodies[f"{server}, {entry['id']}"] = entry["http"][str(version)]["body"]
    for example in (*found.successes.values(), *found.errors.values()):
        assert bodies[example.source] == example.http
    assert {"account_info", "tx", "ledger_entry", "submit"} <= found.successes.keys()
    assert {"transaction", "ledgerClosed"} <= found.messages.keys()


def test_an_example_is_of_its_version() -> None:
    results = [recorded_examples(version).successes["tx"].http["result"] for version in (1, 2)]
    assert ["tx_json" in result for result in results] == [False, True]
    assert "api_version" not in recorded_examples(1).successes["tx"].request
    assert recorded_examples(2).successes["tx"].request["api_version"] == 2
