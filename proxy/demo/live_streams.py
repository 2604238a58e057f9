"""Closes the ledgers that follow the recorded ones, and pushes them to subscribers."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from proxy.demo.ledger_streams import ledger_messages
from proxy.demo.live_answers import LiveAnswers
from proxy.demo.live_ledger import LiveLedger

CLOSE_SECONDS = 1.0
_SEND_SECONDS = 5.0


@dataclass
class _Subscriptions:
    """The subscriptions of one connection, and the API version of its messages."""

    version: int
    streams: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)

    def wants(self, stream: str, text: str) -> bool:
        """Whether the connection gets a message of a stream; a validated transaction also counts for `…_proposed`."""
        if stream == "ledger":
            return "ledger" in self.streams
        is_for_all = not self.streams.isdisjoint(("transactions", "transactions_proposed"))
        return is_for_all or any(f'"{account}"' in text for account in self.accounts)


class LiveStreams:
    """The subscribers of a demo node, and the task that closes its ledgers while there is a reason to.

    live: what the node answers, by API version. lowest: the first ledger that it has.
    """

    def __init__(self, ledger: LiveLedger, live: Mapping[int, LiveAnswers], has_v2: bool, lowest: int) -> None:
        self._ledger = ledger
        self._live = live
        self._has_v2 = has_v2
        self._lowest = lowest
        self._connections: dict[web.WebSocketResponse, _Subscriptions] = {}
        self._task: asyncio.Task[None] | None = None

    def handled(self, socket: web.WebSocketResponse, request: Mapping[str, Any], version: int) -> None:
        """Note an accepted `subscribe` or `unsubscribe`; ignores other requests."""
        method = request.get("command", request.get("method"))
        streams = _texts(request.get("streams"))
        accounts = _texts(request.get("accounts")) | _texts(request.get("accounts_proposed"))
        if method == "subscribe":
            known = self._connections.setdefault(socket, _Subscriptions(version))
            known.version = version
            known.streams |= streams
            known.accounts |= accounts
        elif method == "unsubscribe" and socket in self._connections:
            self._connections[socket].streams -= streams
            self._connections[socket].accounts -= accounts

    def left(self, socket: web.WebSocketResponse) -> None:
        """Remove a connection."""
        self._connections.pop(socket, None)

    def wake(self) -> None:
        """Call this after every request: it starts to close ledgers if one submitted a transaction."""
        if self._ledger.due and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._close_ledgers(), name="demo ledgers")

    async def stop(self) -> None:
        """End the task."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _close_ledgers(self) -> None:
        while self._ledger.due:
            await asyncio.sleep(CLOSE_SECONDS)
            index = self._ledger.close().header.index
            pushed = {version: list(self._messages(version, index)) for version in self._live}
            for socket, wanted in list(self._connections.items()):
                await self._push(
                    socket, [text for stream, text in pushed[wanted.version] if wanted.wants(stream, text)]
                )

    async def _push(self, socket: web.WebSocketResponse, texts: list[str]) -> None:
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                for text in texts:
                    await socket.send_str(text)
        except (ConnectionError, TimeoutError):
            self.left(socket)  # or reads too slowly to be shown more

    def _messages(self, version: int, index: int) -> Iterator[tuple[str, str]]:
        return ledger_messages({index: self._live[version].closed_ledger(index)}, self._has_v2, self._lowest)


def _texts(value: Any) -> set[str]:
    return {item for item in value if isinstance(item, str)} if isinstance(value, list) else set()
