"""Subscriptions as a rippled keeps them, and the messages that it pushes to the subscribers."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from tests.support.scripted_node import ScriptedNode, ScriptedSession

STREAMS = (
    "book_changes",
    "consensus",
    "ledger",
    "manifests",
    "server",
    "transactions",
    "transactions_proposed",
    "validations",
)
_KINDS = {
    "book_changes": "bookChanges",
    "consensus": "consensusPhase",
    "manifests": "manifestReceived",
    "server": "serverStatus",
    "validations": "validationReceived",
}


class Subscriptions:
    """The subscriptions of all sessions at a node, which pushes a message, in API version 2, when a test says so.

    Every message has a number of its own.
    """

    def __init__(self, node: "ScriptedNode") -> None:
        self.counts: Counter[str] = Counter()
        """How often each stream was subscribed to, by any session."""
        self.unknown_streams: tuple[str, ...] = ()
        """Streams that this node does not support."""
        self._node = node
        self._numbers = Counter[str]()
        self._streams: dict[ScriptedSession, dict[str, None]] = {}
        self._accounts: dict[ScriptedSession, set[str]] = {}

    def streams_of(self, session: "ScriptedSession") -> list[str]:
        """The streams that the session is subscribed to, in order."""
        return list(self._streams.get(session, ()))

    def handle(self, session: "ScriptedSession", method: str, request: dict[str, Any]) -> dict[str, Any]:
        """The result of `subscribe` or `unsubscribe`."""
        return (self._subscribe if method == "subscribe" else self._unsubscribe)(session, request)

    def _subscribe(self, session: "ScriptedSession", request: dict[str, Any]) -> dict[str, Any]:
        """Subscribe.cpp: streams one after the other, then accounts; those before an error have taken effect."""
        result: dict[str, Any] = {}
        held = self._streams.setdefault(session, {})
        for name in request.get("streams", []):
            stream = "transactions_proposed" if name == "rt_transactions" else name
            if stream not in STREAMS or stream in self.unknown_streams:
                return error("malformedStream")
            self.counts[stream] += 1
            held[stream] = None
            if stream == "ledger":
                index = self._node.ledger_index
                result |= {"ledger_index": index, "validated_ledgers": f"2-{index}"}
            if stream == "server":
                self._numbers["random"] += 1
                result |= {"random": self._numbers["random"], "server_status": "full"}
        if "accounts" in request:
            if not request["accounts"]:
                return error("actMalformed")
            self._accounts.setdefault(session, set()).update(request["accounts"])
        return result

    def _unsubscribe(self, session: "ScriptedSession", request: dict[str, Any]) -> dict[str, Any]:
        """Unsubscribe.cpp, which does not support `book_changes`."""
        held = self._streams.setdefault(session, {})
        for name in request.get("streams", []):
            stream = "transactions_proposed" if name == "rt_transactions" else name
            if stream not in STREAMS or stream == "book_changes":
                return error("malformedStream")
            held.pop(stream, None)
        self._accounts.setdefault(session, set()).difference_update(request.get("accounts", ()))
        return {}

    async def push(self, stream: str, account: str = "r0") -> None:
        """Pushes the next message of this stream to its subscribers; a transaction also to those of the account."""
        self._numbers[stream] += 1
        number = self._numbers[stream]
        if stream == "ledger":
            self._node.ledger_index += 1
            await self._send(stream, {"type": "ledgerClosed", "ledger_index": self._node.ledger_index})
        elif stream in ("transactions", "transactions_proposed"):
            validated = stream == "transactions"
            message = {"hash": f"{stream} {number}", "ledger_index": self._node.ledger_index, "type": "transaction"}
            message |= {"tx_json": {"Account": account}, "validated": validated}
            if validated:
                await self._send("transactions", message)
            # The very same, once more.
            await self._send("transactions_proposed", message)
            if validated:
                await _send_all([session for session, named in self._accounts.items() if account in named], message)
        else:
            message = {"type": _KINDS[stream], "number": number}
            await self._send(stream, {**message, "ledger_index": number} if stream == "validations" else message)

    async def _send(self, stream: str, message: dict[str, Any]) -> None:
        await _send_all([session for session, held in self._streams.items() if stream in held], message)


async def _send_all(sessions: "list[ScriptedSession]", message: dict[str, Any]) -> None:
    text = orjson.dumps(message)
    for session in sessions:
        if not session.ended.is_set():
            await session.send(text)


def error(token: str) -> dict[str, Any]:
    """An error result of rippled."""
    return {"error": token, "error_code": 1, "error_message": "No."}
