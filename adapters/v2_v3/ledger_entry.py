"""ledger_entry: names for the entries that a ledger has only one of."""

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest
from adapters.errors import error_result

_IDS = {
    "amendments": "7DB0788C020F02780A673DC74757F23823FA3014C1866E72CC4CD8B226CD6EF4",
    "fee": "4BC50C9B0D8515D3EAAE1E74B29A95804346C491EE1A95BF25E4AAB854A6A651",
    "hashes": "B4979A36CDC7F3D3D5C31A4EAE2AC7D7209DDA877588B9AFC66799692AB0D66B",
    "nunl": "2E8A59AA9D3B5B186B0B9E0F62E6C02587CA74A4D778938E957B6357D364B244",
}
# Neither a name nor an id: every version refuses it with the error for a name.
_NO_INDEX = ""
# That error in rippled from 3.0 on, and those of a request whose index it accepts.
_NOT_HEX = {**error_result("invalidParams", "Invalid field 'index', not hex string."), "error": "malformedRequest"}
_NOT_ABOUT_THE_INDEX = ("entryNotFound", "unexpectedLedgerType")


class LedgerEntry(MethodAdapter):
    """`index` may be `amendments`, `fee`, `hashes` or `nunl` instead of an id (rippled's LedgerEntry.cpp).

    rippled supports that from 3.0 on. rippled 2.x refuses the names in v3 as in v2 (`malformedRequest`, as recorded
    from 2.6.1), and so does the proxy in front of one: a client gets that node's native response. A refusal with a
    message is rippled 3.x's; 2.x has none. rippled before 2.0 has no v3 to compare with: in front of it the names work.
    """

    method = "ledger_entry"

    def serve_older(self, params: JsonObject) -> Conversation:
        result = yield NodeRequest(self.method, params)
        if not _is_name(params) or _is_refused(result):
            return result
        if self.node.software == "xrpld":
            is_past_index = "error" not in result or result["error"] in _NOT_ABOUT_THE_INDEX
            return dict(_NOT_HEX) if is_past_index else result
        return (yield NodeRequest(self.method, {**params, "index": _NO_INDEX}))

    def serve_newer(self, params: JsonObject) -> Conversation:
        result = yield NodeRequest(self.method, params)
        knows_names = "error_message" in result or self.node.predates_v2
        if _is_name(params) and _is_refused(result) and knows_names:
            result = yield NodeRequest(self.method, {**params, "index": _IDS[params["index"]]})
        return result


def _is_name(params: JsonObject) -> bool:
    index = params.get("index")
    return isinstance(index, str) and index in _IDS


def _is_refused(result: JsonObject) -> bool:
    return result.get("error") == "malformedRequest"
