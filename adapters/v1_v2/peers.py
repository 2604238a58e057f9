"""peers: a second word for the ledger that a peer is on."""

from adapters.adapter import JsonObject, MethodAdapter

_SANITY = {"diverged": "insane", "unknown": "unknown"}


class Peers(MethodAdapter):
    """`sanity` was removed; `track` says the same (rippled's PeerImp.cpp)."""

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
