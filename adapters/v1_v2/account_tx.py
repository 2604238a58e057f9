"""account_tx: the shape of its transactions, and what a range of ledgers may be."""

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest
from adapters.errors import error_result
from adapters.json_values import as_boolean, as_integer
from adapters.v1_v2.transaction_list import downgrade_transactions, upgrade_transactions

_BOOLEANS = ("binary", "forward")
_RANGE = ("ledger_index_min", "ledger_index_max")
_ONE_LEDGER = ("ledger_index", "ledger_hash")
_NO_MAXIMUM = 2**32 - 1


class AccountTx(MethodAdapter):
    """Entries have `tx_json`, `hash`, `ledger_hash` and `close_time_iso`; wrong parameters are refused.

    v1 reads any `binary` and `forward` as booleans, lets a range win over a ledger named beside it, and clamps a range
    to the ledgers that the server has (`lgrIdxsInvalid` where nothing is left). v2 refuses all three: the booleans
    before any other check, the ledger beside a range after the account's own checks (`invalidParams`), the range
    beyond the server's with `lgrIdxMalformed`, and an empty one with `invalidLgrRange` (rippled's AccountTx.cpp).
    """

    method = "account_tx"

    def upgrade_request(self, params: JsonObject) -> JsonObject:
        asked = dict(params)
        for name in _BOOLEANS:
            if name in asked:
                asked[name] = as_boolean(asked[name])
        if _names_range(asked):
            for name in _ONE_LEDGER:
                asked.pop(name, None)
        return asked

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        return downgrade_transactions(result)

    def serve_older(self, params: JsonObject) -> Conversation:
        asked = self.upgrade_request(params)
        result = yield NodeRequest(self.method, asked)
        if result.get("error") == "lgrIdxMalformed" and _names_range(asked):
            result = yield from self._within_the_servers_range(asked, result)
        error = result.get("error")
        # A ledger looked up by its name has an error of its own, told apart by its message only.
        if error == "invalidLgrRange" or (error == "notSynced" and result.get("error_message") != "notSynced"):
            return error_result("lgrIdxsInvalid")
        return self.downgrade_result(result, params)

    def _within_the_servers_range(self, asked: JsonObject, refusal: JsonObject) -> Conversation:
        """Asks again for what the server has of a range that goes beyond it."""
        server = yield from self._servers_range(asked)
        if "error" in server:
            return server
        low, high = _bounds(asked)
        lowest, highest = server.get("ledger_index_min"), server.get("ledger_index_max")
        if low is None or high is None or not isinstance(lowest, int) or not isinstance(highest, int):
            return refusal
        if max(low, lowest) > min(high, highest):
            return error_result("invalidLgrRange")
        # Left open rather than set to the server's bound, which may have moved by the time it is asked.
        clamped = dict(asked)
        if low < lowest:
            clamped.update({"ledger_index_min": -1} if "ledger_index_min" in asked else {})
        if high > highest:
            clamped.update({"ledger_index_max": -1} if "ledger_index_max" in asked else {})
        return (yield NodeRequest(self.method, clamped))

    def _servers_range(self, params: JsonObject) -> Conversation:
        """Asks for the range of ledgers that the server has: what an account_tx without a range reports."""
        return (yield NodeRequest(self.method, {"account": params.get("account"), "limit": 1}))

    def serve_newer(self, params: JsonObject) -> Conversation:
        for name in _BOOLEANS:
            if not isinstance(params.get(name, True), bool):
                return error_result("invalidParams", f"Invalid field '{name}'.")
        if _names_range(params) and any(name in params for name in _ONE_LEDGER):
            return (yield from self._refuse_range_and_ledger(params))
        result = yield NodeRequest(self.method, params)
        if _names_range(params):
            if result.get("error") == "lgrIdxsInvalid":
                return (yield from self._classify_range_error(params))
            if "error" not in result and _was_clamped(params, result):
                return error_result("lgrIdxMalformed")
        elif result.get("error") == "lgrIdxsInvalid":
            return error_result("notSynced")
        return (yield from upgrade_transactions(result))

    def _refuse_range_and_ledger(self, params: JsonObject) -> Conversation:
        """The account's own checks come first, so the older version is asked for them."""
        left_out = (*_RANGE, *_ONE_LEDGER, "marker")
        result = yield NodeRequest(self.method, {name: value for name, value in params.items() if name not in left_out})
        if "error" in result and result["error"] != "lgrIdxsInvalid":
            return result
        return error_result("invalidParams", "invalidParams")

    def _classify_range_error(self, params: JsonObject) -> Conversation:
        """Why nothing was left of a range: v1 has one error for what v2 has three for."""
        server = yield from self._servers_range(params)
        if server.get("error") == "lgrIdxsInvalid":
            return error_result("notSynced")
        if "error" in server:
            return server
        return error_result("lgrIdxMalformed" if _was_clamped(params, server) else "invalidLgrRange")


def _names_range(params: JsonObject) -> bool:
    return any(name in params for name in _RANGE)


def _bounds(params: JsonObject) -> tuple[int | None, int | None]:
    """The range asked for; a bound that is absent or below 0 is open. None for one that rippled cannot read."""
    low, high = as_integer(params.get("ledger_index_min", 0)), as_integer(params.get("ledger_index_max", -1))
    return (max(low, 0) if low is not None else None), (_NO_MAXIMUM if high is not None and high < 0 else high)


def _was_clamped(params: JsonObject, reported: JsonObject) -> bool:
    """Whether the range asked for goes beyond the one that an answer reports: what v2 refuses."""
    low, high = _bounds(params)
    lowest, highest = reported.get("ledger_index_min"), reported.get("ledger_index_max")
    below = low is not None and isinstance(lowest, int) and 0 < low < lowest
    above = high is not None and isinstance(highest, int) and highest < high != _NO_MAXIMUM
    return below or above
