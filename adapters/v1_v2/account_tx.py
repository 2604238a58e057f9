"""account_tx: the shape of its transactions, and the checks of its ledger range."""

from typing import Any, NamedTuple

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest
from adapters.clio import refused_by_validation
from adapters.errors import error_result
from adapters.json_values import as_integer, is_boolean_or_absent, with_boolean
from adapters.v1_v2.transaction_list import downgrade_transactions, upgrade_transactions

_BOOLEANS = ("binary", "forward")
_RANGE = ("ledger_index_min", "ledger_index_max")
_ONE_LEDGER = ("ledger_index", "ledger_hash")
_NO_MAXIMUM = 2**32 - 1
_RANGE_AND_LEDGER = "containsLedgerSpecifierAndRange"
"""Clio's message for a request with a ledger and a range."""


class AccountTx(MethodAdapter):
    """Entries have `tx_json`, `hash`, `ledger_hash` and `close_time_iso`; wrong parameters are refused.

    v1 reads any `binary` and `forward` as booleans, prefers a range to a ledger in the same request, and clamps a range
    to the ledgers that the server has (`lgrIdxsInvalid` if nothing is left). v2 refuses all three: the booleans
    before any other check, the ledger together with a range after the account's own checks (`invalidParams`), the range
    beyond the server's with `lgrIdxMalformed`, and an empty one with `invalidLgrRange` (rippled's AccountTx.cpp).

    Clio has the same errors with other messages, in another order: the booleans after all other parameters, the ledger
    together with a range last. To Clio only -1 is an open end, and a range of two open ends is no range.
    """

    method = "account_tx"

    def opaque_metadata(self, *, downgrades: bool) -> bool:
        return downgrades or not self.node.may_predate_v2  # otherwise `ctid` is derived from it

    def upgrade_request(self, params: JsonObject) -> JsonObject:
        asked = dict(params)
        for name in _BOOLEANS:
            asked = with_boolean(asked, name)
        if self._names_range(asked):
            for name in _ONE_LEDGER:
                asked.pop(name, None)
        return asked

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        return downgrade_transactions(result)

    def serve_older(self, params: JsonObject) -> Conversation:
        asked = self.upgrade_request(params)
        if self.node.is_clio and len(asked) < len(params):  # Clio validates the ledger anyway
            refusal = yield NodeRequest(self.method, {**params, **asked})
            if refused_by_validation(refusal) and refusal.get("error_message") != _RANGE_AND_LEDGER:
                return refusal
        result = yield NodeRequest(self.method, asked)
        if result.get("error") == "lgrIdxMalformed" and self._names_range(asked):
            result = yield from self._within_the_servers_range(asked, result)
        error = result.get("error")
        # The look-up of a named ledger has the same error, distinguished by its message only.
        if error == "invalidLgrRange" or (error == "notSynced" and result.get("error_message") != "notSynced"):
            return {**result, **self.error("lgrIdxsInvalid")}
        return result if "error" in result else self.downgrade_result(result, params)

    def _within_the_servers_range(self, asked: JsonObject, refusal: JsonObject) -> Conversation:
        """Request again the part of a range that the server has."""
        server = yield from self._servers_range(asked)
        if "error" in server:
            return server
        bounds, servers = self._bounds(asked), _reported(server)
        if bounds is None or servers is None:
            return refusal
        if max(bounds.low, servers.low) > min(bounds.high, servers.high):
            return self.error("invalidLgrRange")
        # Left open rather than set to the server's bound, which may have moved.
        clamped = dict(asked)
        if bounds.low < servers.low:
            clamped.update({"ledger_index_min": -1} if "ledger_index_min" in asked else {})
        if bounds.high > servers.high:
            clamped.update({"ledger_index_max": -1} if "ledger_index_max" in asked else {})
        return (yield NodeRequest(self.method, clamped))

    def _servers_range(self, params: JsonObject) -> Conversation:
        """The range of ledgers that the server has, from an account_tx without a range."""
        return (yield NodeRequest(self.method, {"account": params.get("account"), "limit": 1}))

    def serve_newer(self, params: JsonObject) -> Conversation:
        if self.node.is_clio:
            return (yield from self._serve_newer_from_clio(params))
        for name in _BOOLEANS:
            if not is_boolean_or_absent(params, name):
                return error_result("invalidParams", f"Invalid field '{name}'.")
        names_range = self._names_range(params)
        if names_range and any(name in params for name in _ONE_LEDGER):
            return (yield from self._refuse_range_and_ledger(params))
        result = yield NodeRequest(self.method, params)
        if names_range:
            if result.get("error") == "lgrIdxsInvalid":
                return {**result, **(yield from self._classify_range_error(params))}
            if "error" not in result and _was_clamped(params, result):
                return error_result("lgrIdxMalformed")
        elif result.get("error") == "lgrIdxsInvalid":
            return {**result, **error_result("notSynced")}
        return result if "error" in result else (yield from upgrade_transactions(result, self.node))

    def _refuse_range_and_ledger(self, params: JsonObject) -> Conversation:
        """The account's own checks come first, so the request goes to the older version without range and ledger."""
        left_out = (*_RANGE, *_ONE_LEDGER, "marker")
        result = yield NodeRequest(self.method, {name: value for name, value in params.items() if name not in left_out})
        if "error" in result and result["error"] != "lgrIdxsInvalid":
            return result
        return error_result("invalidParams", "invalidParams")

    def _classify_range_error(self, params: JsonObject) -> Conversation:
        """Determine v2's error for an empty range: v1 has one error where v2 has three."""
        server = yield from self._servers_range(params)
        if server.get("error") == "lgrIdxsInvalid":
            return error_result("notSynced")
        if "error" in server:
            return server
        return error_result("lgrIdxMalformed" if _was_clamped(params, server) else "invalidLgrRange")

    def _serve_newer_from_clio(self, params: JsonObject) -> Conversation:
        typed = all(is_boolean_or_absent(params, name) for name in _BOOLEANS)
        result = yield NodeRequest(self.method, params)
        error = result.get("error")
        if not typed:
            return result if refused_by_validation(result) else self.error("invalidParams")
        if not self._names_range(params):
            return result if "error" in result else (yield from upgrade_transactions(result, self.node))
        if error == "lgrIdxsInvalid":
            server = yield from self._servers_range(params)
            if "error" in server:
                return server
            outside = _out_of_range(params, server)
            found = self.error("lgrIdxMalformed", outside) if outside else self.error("invalidLgrRange")
            return {**result, **found}
        if error is not None:
            return result
        if beyond := _clamped_bound(params, result):
            return self.error("lgrIdxMalformed", beyond)
        if any(name in params for name in _ONE_LEDGER):
            return self.error("invalidParams", _RANGE_AND_LEDGER)
        return (yield from upgrade_transactions(result, self.node))

    def _names_range(self, params: JsonObject) -> bool:
        if self.node.is_clio:
            return any(params.get(name, -1) != -1 for name in _RANGE)
        return any(name in params for name in _RANGE)

    def _bounds(self, params: JsonObject) -> "_Bounds | None":
        """The range of a v1 request, open ends included; None for one that the server cannot read."""
        low, high = as_integer(params.get("ledger_index_min", -1)), as_integer(params.get("ledger_index_max", -1))
        if low is None or high is None:
            return None
        if self.node.is_clio:  # other negative numbers wrap to large ones
            return _Bounds(0 if low == -1 else low % 2**32, high % 2**32)
        return _Bounds(max(low, 0), _NO_MAXIMUM if high < 0 else high)


class _Bounds(NamedTuple):
    low: int
    high: int


def _reported(result: JsonObject) -> _Bounds | None:
    """The range that a result reports."""
    low, high = result.get("ledger_index_min"), result.get("ledger_index_max")
    return _Bounds(low, high) if isinstance(low, int) and isinstance(high, int) else None


def _was_clamped(params: JsonObject, result: JsonObject) -> bool:
    """Whether the range of a request goes beyond the one that a result of rippled reports, which v2 refuses."""
    low, high = as_integer(params.get("ledger_index_min", 0)), as_integer(params.get("ledger_index_max", -1))
    lowest, highest = result.get("ledger_index_min"), result.get("ledger_index_max")
    below = low is not None and isinstance(lowest, int) and 0 < low < lowest
    above = high is not None and high >= 0 and isinstance(highest, int) and highest < high != _NO_MAXIMUM
    return below or above


_CLIO_REFUSALS = (("ledger_index_min", "ledgerSeqMinOutOfRange"), ("ledger_index_max", "ledgerSeqMaxOutOfRange"))


def _clamped_bound(params: JsonObject, result: JsonObject) -> str | None:
    """Clio's message for the first bound of a range that differs from the reported one."""
    for name, message in _CLIO_REFUSALS:
        if params.get(name, -1) not in (-1, result.get(name)):
            return message
    return None


def _out_of_range(params: JsonObject, server: JsonObject) -> str | None:
    """Clio's message for the first bound of a range that is outside the server's."""
    servers = _reported(server)
    if servers is None:
        return None

    def is_outside(bound: Any) -> bool:
        return bound != -1 and not (isinstance(bound, int) and servers.low <= bound <= servers.high)

    return next((message for name, message in _CLIO_REFUSALS if is_outside(params.get(name, -1))), None)
