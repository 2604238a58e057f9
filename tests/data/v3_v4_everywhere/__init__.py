"""API version 3 to 4, an imaginary one that changes what the proxy itself reads and writes.

Errors have other tokens and a `message`; `subscribe` has `topics`, and a `ledger` in its result; pushed messages have
other members.
"""

from collections.abc import Mapping

from adapters.adapter import (
    Conversation,
    ErrorAdapter,
    JsonObject,
    MessageChange,
    MethodAdapter,
    NodeRequest,
    Step,
    StreamAdapter,
    by_method,
    immediate,
)

TOKENS = {
    "forbidden": "denied",
    "lgrNotFound": "ledgerMissing",
    "noPermission": "notPermitted",
    "notSynced": "outOfSync",
    "slowDown": "rateLimited",
    "tooBusy": "overloaded",
    "unknownCmd": "unknownMethod",
}
FORMER = {new: old for old, new in TOKENS.items()}


def _renamed(found: JsonObject, old: str, new: str) -> JsonObject:
    """The members in the same order, one under another name."""
    return {(new if name == old else name): value for name, value in found.items()}


class Errors(ErrorAdapter):
    """Other tokens, and `message` for `error_message`."""

    def downgrade_error(self, request: NodeRequest, result: JsonObject) -> Conversation:
        result["error"] = FORMER.get(result["error"], result["error"])
        return immediate(_renamed(result, "message", "error_message"))

    def upgrade_error(self, request: NodeRequest, result: JsonObject) -> Conversation:
        result["error"] = TOKENS.get(result["error"], result["error"])
        return immediate(_renamed(result, "error_message", "message"))


class _Topics(MethodAdapter):
    """`topics` for `streams`, and `ledger` for `ledger_index`."""

    def upgrade_request(self, params: JsonObject) -> JsonObject:
        return _renamed(params, "streams", "topics")

    def downgrade_request(self, params: JsonObject) -> JsonObject:
        return _renamed(params, "topics", "streams")

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        return _renamed(result, "ledger", "ledger_index")

    def upgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        return _renamed(result, "ledger_index", "ledger")


class Subscribe(_Topics):
    """See `_Topics`."""

    method = "subscribe"


class Unsubscribe(_Topics):
    """See `_Topics`."""

    method = "unsubscribe"


def _change(old: str, new: str) -> MessageChange:
    return lambda message: _renamed(message, old, new)


class Streams(StreamAdapter):
    """`transaction_count` for `txn_count`, and `paths` for `alternatives`."""

    @property
    def downgrades(self) -> Mapping[str, MessageChange]:
        changes = {"ledgerClosed": _change("transaction_count", "txn_count")}
        return {**changes, "path_find": _change("paths", "alternatives")}

    @property
    def upgrades(self) -> Mapping[str, MessageChange]:
        changes = {"ledgerClosed": _change("txn_count", "transaction_count")}
        return {**changes, "path_find": _change("alternatives", "paths")}


STEP = Step(older=3, methods=by_method(Subscribe(), Unsubscribe()), errors=Errors(), streams=Streams(), beta=True)
