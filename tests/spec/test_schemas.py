"""The schemas of a version have that version's form of every type; a new version needs models of what it changes."""

from dataclasses import replace
from typing import Annotated, Any, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import Field
from typing_extensions import TypeAliasType

from adapters import VERSIONS
from adapters.errors import ERRORS
from adapters.models.entries import AccountRoot
from adapters.models.ledger import LedgerClosedSuccessResponse
from adapters.models.method import Method
from adapters.models.model import Absent, Model
from adapters.models.streams import LedgerClosedMessage
from adapters.models.transactions import Metadata
from adapters.models.versions import all_types, models_of, stem_of
from proxy.spec import asyncapi
from proxy.spec.generator import REFERENCE, generate
from proxy.spec.reading import Reading
from proxy.spec.schemas import Schemas, references, schemas

OLDER = 3


class AccountRootV90(AccountRoot):
    Sequence: Absent = None  # type: ignore[assignment]
    Number: int


class MetadataV90(Metadata):
    Extra: str


class LedgerClosedSuccessResponseV90(LedgerClosedSuccessResponse):
    age: int


class LedgerClosedMessageV90(LedgerClosedMessage):
    txn_count: Absent = None  # type: ignore[assignment]


class FeeHistoryRequest(Model):
    days: int


class FeeHistorySuccessResponse(Model):
    fees: list[int]


class FeeHistoryErrorResponse(Model):
    error: Literal["tooLong"]


CommonErrorTokenV90 = TypeAliasType(
    "CommonErrorTokenV90", Annotated[Literal["outOfSync"], Field(description="Errors.")]
)
NEW: dict[str, Any] = {
    each.__name__: each
    for each in (
        *(AccountRootV90, MetadataV90, LedgerClosedSuccessResponseV90, LedgerClosedMessageV90),
        *(FeeHistoryRequest, FeeHistorySuccessResponse, FeeHistoryErrorResponse, CommonErrorTokenV90),
    )
}


@pytest.fixture(scope="module")
def newer() -> Schemas:
    """The schemas of an imaginary version after another."""
    models = models_of(OLDER)
    known = dict(models.methods)
    del known["owner_info"]
    changed = replace(
        models,
        types={**models.types, **{stem_of(name): found for name, found in NEW.items()}},
        methods={**known, "fee_history": Method("fee_history", "server", "Fees.")},
        uncoded_errors={**models.uncoded_errors, "outOfSync": "Not synced."},
    )
    types = {**all_types(), **NEW}
    return Schemas(changed, types, generate(types))


def accepts(found: Schemas, name: str, value: Any) -> bool:
    return Draft202012Validator({"$ref": REFERENCE + name, "components": {"schemas": found.components}}).is_valid(value)


ROOT = {"LedgerEntryType": "AccountRoot", "Account": "r" + "1" * 30, "Balance": "1", "OwnerCount": 1}


@pytest.mark.parametrize(
    ("stem", "older", "newer_value"),
    [
        ("LedgerClosedSuccessResponse", {}, {"age": 1}),
        ("AccountRoot", {**ROOT, "Sequence": 1}, {**ROOT, "Number": 1}),
        (
            "AccountInfoSuccessResponse",
            {"account_data": {**ROOT, "Sequence": 1}},
            {"account_data": {**ROOT, "Number": 1}},
        ),
        ("LedgerEntry", {**ROOT, "Sequence": 1}, {**ROOT, "Number": 1}),
        ("ErrorCodes", {"error": "notSynced", "error_code": 18}, {"error": "outOfSync"}),
        ("FeeErrorResponse", {"error": "notSynced"}, {"error": "outOfSync"}),
    ],
)
def test_a_new_version(newer: Schemas, stem: str, older: dict[str, Any], newer_value: dict[str, Any]) -> None:
    """A type that changed is also that of every message that contains it, and of what extends it."""
    if stem == "LedgerClosedSuccessResponse":
        older = {**older, "ledger_hash": "0" * 64, "ledger_index": 1}
        newer_value = {**older, **newer_value}
    before = schemas(OLDER)
    names = [stem if stem == "ErrorCodes" else each.name(stem) for each in (before, newer)]
    assert accepts(before, names[0], older)
    assert accepts(newer, names[1], newer_value)
    if stem != "ErrorCodes":
        assert not accepts(newer, names[1], older)


def test_methods_come_and_go(newer: Schemas) -> None:
    assert newer.methods.keys() - schemas(OLDER).methods.keys() == {"fee_history"}
    assert schemas(OLDER).methods.keys() - newer.methods.keys() == {"owner_info"}
    assert newer.methods["fee_history"].request == "FeeHistoryRequest"
    assert "OwnerInfoRequest" not in newer.components


def test_a_method_without_its_models() -> None:
    models = models_of(1)
    changed = replace(models, methods={"nothing": Method("nothing", "server", "")})
    with pytest.raises(ValueError, match="there is no model NothingRequest in API version 1"):
        Schemas(changed, all_types(), {})


def test_a_message_and_its_union(newer: Schemas) -> None:
    assert newer.streams["ledgerClosed"] == "LedgerClosedMessageV90"
    mapping = newer.components["StreamMessage"]["discriminator"]["mapping"]
    assert mapping["ledgerClosed"] == f"{REFERENCE}LedgerClosedMessageV90"
    assert mapping["transaction"] == f"{REFERENCE}TransactionMessageV2"


@pytest.mark.parametrize("version", VERSIONS.known)
def test_only_types_of_the_version(version: int) -> None:
    found = schemas(version)
    components = found.components
    for name, schema in components.items():
        for reference in references(schema):
            assert reference in components
            extends = {part.get("$ref", "").removeprefix(REFERENCE) for part in schema.get("allOf", ())}
            assert {reference} <= extends | {found.name(stem_of(reference))} or reference.endswith("Base"), name
    mapping = components["TransactionByType"]["discriminator"]["mapping"]
    assert mapping["Payment"] == f"{REFERENCE}PaymentV{min(version, 2)}"
    assert len(mapping) > 50


@pytest.mark.parametrize("version", VERSIONS.known)
def test_everything_is_described(version: int) -> None:
    found = schemas(version)
    assert [name for name in found.components if not found.description(name)] == []
    assert (
        found.description("AccountInfoSuccessResponseBase") == "What the result of account_info has in every version."
    )
    assert found.description(found.name("LedgerHeader")).startswith("A ledger's header")


@pytest.mark.parametrize("version", VERSIONS.known)
def test_every_token_is_a_known_error(version: int) -> None:
    reading = Reading(asyncapi(version))
    tokens = set(reading.common_errors).union(*(method.errors for method in reading.methods.values()))
    assert tokens <= ERRORS.keys() | models_of(version).uncoded_errors.keys()
    assert len(tokens) > 60


def test_parts_of_one_message_are_written_inside_it() -> None:
    components = schemas(1).components
    assert "QueueData" not in components
    assert "TxJsonResultV1" not in components
    (base, own) = components["AccountInfoSuccessResponseBase"]["allOf"]
    assert base == {"$ref": f"{REFERENCE}LedgerFound"}
    assert own["properties"]["queue_data"]["properties"]["txn_count"] == {"type": "integer"}
