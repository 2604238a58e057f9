"""A WebSocket node that keeps subscriptions as a rippled does, and pushes to those who have them."""

from collections import Counter
from typing import Any

import orjson

from tests.support.websocket_node import ScriptedNode, ScriptedSession

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


class SubscribingNode(ScriptedNode):
    """Pushes when a test has it push; every message has a number of its own, and is told in version 2."""

    def __init__(self) -> None:
        super().__init__(self._serve)
        self.ledger_index = 100
        self.silent_to_shared = False
        """Whether what comes by a connection that sessions share gets no answer."""
        self.subscribe_counts: Counter[str] = Counter()
        """How often a subscription to each stream was asked for, by anyone."""
        self._numbers = Counter[str]()
        self._streams: dict[ScriptedSession, dict[str, None]] = {}
        self._accounts: dict[ScriptedSession, set[str]] = {}

    def streams_of(self, session: ScriptedSession) -> list[str]:
        """What the session is subscribed to at this node, in that order."""
        return list(self._streams.get(session, ()))

    async def _serve(self, session: ScriptedSession, request: dict[str, Any]) -> None:
        if self.silent_to_shared and session in self.shared:
            return
        if request["command"] == "subscribe":
            await session.respond(request, self._subscribe(session, request))
        elif request["command"] == "unsubscribe":
            await session.respond(request, self._unsubscribe(session, request))
        else:
            await session.respond(request, {"pong": True} if request["command"] == "ping" else {})

    def _subscribe(self, session: ScriptedSession, request: dict[str, Any]) -> dict[str, Any]:
        """Subscribe.cpp: streams one after the other, then accounts; what stands before a fault has taken effect."""
        result: dict[str, Any] = {}
        held = self._streams.setdefault(session, {})
        for name in request.get("streams", []):
            stream = "transactions_proposed" if name == "rt_transactions" else name
            if stream not in STREAMS:
                return error("malformedStream")
            self.subscribe_counts[stream] += 1
            held[stream] = None
            if stream == "ledger":
                result |= {"ledger_index": self.ledger_index, "validated_ledgers": f"2-{self.ledger_index}"}
            if stream == "server":
                self._numbers["random"] += 1
                result |= {"random": self._numbers["random"], "server_status": "full"}
        if "accounts" in request:
            if not request["accounts"]:
                return error("actMalformed")
            self._accounts.setdefault(session, set()).update(request["accounts"])
        return result

    def _unsubscribe(self, session: ScriptedSession, request: dict[str, Any]) -> dict[str, Any]:
        """Unsubscribe.cpp, which knows no `book_changes`."""
        held = self._streams.setdefault(session, {})
        for name in request.get("streams", []):
            stream = "transactions_proposed" if name == "rt_transactions" else name
            if stream not in STREAMS or stream == "book_changes":
                return error("malformedStream")
            held.pop(stream, None)
        self._accounts.setdefault(session, set()).difference_update(request.get("accounts", ()))
        return {}

    async def push(self, stream: str, account: str = "r0") -> None:
        """Pushes the next message of this stream to all who have it; to those of the account too, a transaction."""
        self._numbers[stream] += 1
        number = self._numbers[stream]
        if stream == "ledger":
            self.ledger_index += 1
            await self._tell(stream, {"type": "ledgerClosed", "ledger_index": self.ledger_index})
        elif stream in ("transactions", "transactions_proposed"):
            validated = stream == "transactions"
            message = {"hash": f"{stream} {number}", "ledger_index": self.ledger_index, "type": "transaction"}
            message |= {"tx_json": {"Account": account}, "validated": validated}
            if validated:
                await self._tell("transactions", message)
            # The very same, once more.
            await self._tell("transactions_proposed", message)
            if validated:
                await self._tell_all(
                    [session for session, named in self._accounts.items() if account in named], message
                )
        else:
            message = {"type": _KINDS[stream], "number": number}
            await self._tell(stream, {**message, "ledger_index": number} if stream == "validations" else message)

    async def _tell(self, stream: str, message: dict[str, Any]) -> None:
        await self._tell_all([session for session, held in self._streams.items() if stream in held], message)

    async def _tell_all(self, sessions: list[ScriptedSession], message: dict[str, Any]) -> None:
        text = orjson.dumps(message)
        for session in sessions:
            if not session.ended.is_set():
                await session.send(text)


def error(token: str) -> dict[str, Any]:
    """An error as a rippled has it."""
    return {"error": token, "error_code": 1, "error_message": "No."}
