"""The connections to one node, shared fairly between client addresses.

First come, first served would give them all to one address with slow requests, and everybody else would wait.
"""

import asyncio
from collections import OrderedDict, deque

_RESERVED_SHARE = 4
"""One in this many places is reserved for addresses with few."""
_FEW_SHARE = 8
"""An address has few places if it has less than one in this many of the reserved ones."""


class FairQueue:
    """`places` for requests of clients, within one event loop.

    A request takes a free place immediately. A quarter of the places is reserved for clients with few, because a place
    cannot be taken back from a slow request. If none is free for a client, its requests wait in order; clients with
    waiting requests take turns. `limits.in_flight` bounds how many wait.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._reserved = places // _RESERVED_SHARE
        self._few = max(1, self._reserved // _FEW_SHARE)
        self._used: dict[str, int] = {}
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()  # by client, the next one first

    def take(self, client: str) -> bool:
        """Take a place for `client` if one is free for it and none of its requests waits."""
        used = self._used.get(client, 0)
        if client in self._waiting or not (self._free > self._reserved or (self._free > 0 and used < self._few)):
            return False
        self._free -= 1
        self._used[client] = used + 1
        return True

    async def wait(self, client: str) -> None:
        """Take the next place that becomes free for `client`."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():  # it was given a place after it had stopped waiting
                self.give_back(client)
            else:
                self._forget(client, turn)
            raise

    def give_back(self, client: str) -> None:
        """Return a place of `client`; the client whose turn it is gets it."""
        left = self._used[client] - 1
        if left:
            self._used[client] = left
        else:
            del self._used[client]
        self._free += 1
        if self._waiting:
            self._serve()

    def _may_take(self, client: str) -> bool:
        return self._free > self._reserved or (self._free > 0 and self._used.get(client, 0) < self._few)

    def _take(self, client: str) -> None:
        self._free -= 1
        self._used[client] = self._used.get(client, 0) + 1

    def _serve(self) -> None:
        """Give free places to waiting clients, in turn."""
        while self._free:
            client = next((client for client in self._waiting if self._may_take(client)), None)
            if client is None:
                return
            turns = self._waiting.pop(client)
            turn = turns.popleft()
            if turns:
                self._waiting[client] = turns  # behind all others
            if not turn.done():
                self._take(client)
                turn.set_result(None)

    def _forget(self, client: str, turn: asyncio.Future[None]) -> None:
        turns = self._waiting.get(client)
        if turns is not None and turn in turns:
            turns.remove(turn)
            if not turns:
                del self._waiting[client]
