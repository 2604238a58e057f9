"""peers: a second name for the state of a peer's ledger."""

from adapters.adapter import JsonObject, MethodAdapter

_SANITY = {"diverged": "insane", "unknown": "unknown"}


class Peers(MethodAdapter):
    """`sanity` was removed; `track` has the same information (rippled's PeerImp.cpp)."""

    method = "peers"

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        for peer in result.get("peers") or ():
            if peer.get("track") in _SANITY:
                peer["sanity"] = _SANITY[peer["track"]]
        return result

    def upgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        for peer in result.get("peers") or ():
            peer.pop("sanity", None)
        return result
