"""Ledger headers: the ledger that a request names, and a header's JSON, serialisation and look-up."""

import struct
from typing import Any, NamedTuple

from adapters.adapter import JsonObject, NodeRequest
from adapters.json_values import is_empty, is_unsigned
from adapters.ledger_time import iso_time

_SELECTORS = ("ledger", "ledger_hash", "ledger_index")
_ABOUT_LEDGER = ("ledger_hash", "ledger_index", "ledger_current_index", "validated")
# The old `ledger` is an index or a name up to this length, a hash beyond it.
_LONGEST_INDEX = 12

# index, total_coins, parent_hash, transaction_hash, account_hash, parent_close_time, close_time,
# close_time_resolution, close_flags (rippled's addRaw)
_HEADER = struct.Struct(">IQ32s32s32sIIBB")


class Header(NamedTuple):
    """The result of looking up a ledger by its index. `close_time` in seconds of the ledger's clock."""

    ledger_hash: str
    close_time: int


def selected_ledger(params: JsonObject) -> JsonObject:
    """The parameters of a request that name its ledger."""
    return {name: params[name] for name in _SELECTORS if name in params}


def ledger_of(params: JsonObject) -> NodeRequest:
    """The request for the ledger of another request; the open ledger if that names none."""
    return NodeRequest("ledger", selected_ledger(params) or {"ledger_index": "current"})  # else two


def ledger_fields(result: JsonObject) -> JsonObject:
    """The members of a result that say which ledger it is from."""
    return {name: result[name] for name in _ABOUT_LEDGER if name in result}


def unvalidated_ledger(params: JsonObject) -> str | None:
    """`current` or `closed` if a request is about that ledger, None if it names another.

    As in rippled (its RPCHelpers.cpp, ledgerFromRequest): a hash wins over an index, the old `ledger` over both unless
    it is empty, and no ledger at all is the current one.
    """
    ledger_hash, index = params.get("ledger_hash"), params.get("ledger_index")
    legacy = params.get("ledger")
    if not is_empty(legacy):
        ledger_hash, index = (legacy, index) if len(str(legacy)) > _LONGEST_INDEX else (ledger_hash, legacy)
    if ledger_hash is not None:
        return None
    if index in (None, "", "current"):
        return "current"
    return "closed" if index == "closed" else None


def header_request(ledger_index: int) -> NodeRequest:
    """The request for the header of a closed ledger; `read_header` reads the result.

    In binary, the cheapest form with both the hash and the time. A validated ledger never changes.
    """
    return NodeRequest("ledger", {"ledger_index": ledger_index, "binary": True}, immutable=True)


def read_header(result: JsonObject) -> Header:
    """A header from the result of `header_request`, also from a node that ignores `binary`.

    Raises KeyError, TypeError, ValueError and struct.error for an invalid result.
    """
    ledger = result["ledger"]
    if "ledger_data" not in ledger:
        return Header(result["ledger_hash"], ledger["close_time"])
    return Header(result["ledger_hash"], _HEADER.unpack(bytes.fromhex(ledger["ledger_data"]))[6])


def serialised_header(ledger: JsonObject) -> str:
    """A ledger's header, from its JSON, in rippled's serialisation as hex."""
    packed = _HEADER.pack(
        int(ledger["ledger_index"]),
        int(ledger["total_coins"]),
        bytes.fromhex(ledger["parent_hash"]),
        bytes.fromhex(ledger["transaction_hash"]),
        bytes.fromhex(ledger["account_hash"]),
        ledger["parent_close_time"],
        ledger["close_time"],
        ledger["close_time_resolution"],
        ledger["close_flags"],
    )
    return packed.hex().upper()


def add_close_time_iso(ledger: Any) -> None:
    """Add `close_time_iso`, which rippled before 2.0 lacks, to a ledger's JSON, in place."""
    if isinstance(ledger, dict) and "close_time_iso" not in ledger and is_unsigned(ledger.get("close_time")):
        ledger["close_time_iso"] = iso_time(ledger["close_time"])


def downgrade_ledger_index(ledger: Any) -> None:
    """Convert `ledger_index` in a ledger's JSON, a number in v2, to v1's string, in place."""
    if isinstance(ledger, dict) and isinstance(ledger.get("ledger_index"), int):
        ledger["ledger_index"] = str(ledger["ledger_index"])


def upgrade_ledger_index(ledger: Any) -> None:
    """The inverse of `downgrade_ledger_index`."""
    if isinstance(ledger, dict) and isinstance(ledger.get("ledger_index"), str) and ledger["ledger_index"].isdigit():
        ledger["ledger_index"] = int(ledger["ledger_index"])
