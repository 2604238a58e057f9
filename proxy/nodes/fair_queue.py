"""Places of which there are only so many, such as the connections to a node, shared fairly between client addresses.

First come, first served would give them all to one address with slow requests, and everybody else would wait.
"""

import asyncio
from collections import OrderedDict, deque

_RESERVED_SHARE = 4
"""One in this many places is reserved for addresses with few."""
_FEW_SHARE = 8
"""An address has few places if it has less than one in this many of the reserved ones."""

_Turn = tuple[asyncio.Future[None], int]
"""A request that waits, and how many places it takes."""


class FairQueue:
    """`places` for requests of clients, within one event loop.

    A request takes a free place immediately. A quarter of the places is reserved for clients with few, because a place
    cannot be taken back from a slow request. If none is free for a client, its requests wait in order; clients with
    waiting requests take turns. `limits.in_flight` bounds how many wait. A request may take several places: at most
    `places`.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._reserved = places // _RESERVED_SHARE
        self._few = max(1, self._reserved // _FEW_SHARE)
        self._used: dict[str, int] = {}
        self._waiting: OrderedDict[str, deque[_Turn]] = OrderedDict()  # by client, the next one first

    def take(self, client: str, places: int = 1) -> bool:
        """Take places for `client` if they are free for it and none of its requests waits."""
        left, used = self._free - places, self._used.get(client, 0)
        if client in self._waiting or not (left >= self._reserved or (left >= 0 and used < self._few)):
            return False
        self._free = left
        self._used[client] = used + places
        return True

    def enqueue(self, client: str, places: int = 1) -> asyncio.Future[None]:
        """Have the next places that become free for `client` taken: the future is done then.

        A caller that stops waiting calls `leave`.
        """
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append((turn, places))
        return turn

    def leave(self, client: str, turn: asyncio.Future[None], places: int = 1) -> None:
        """Wait no more, or give back what was taken: for a `turn` of `enqueue`."""
        if turn.done() and not turn.cancelled():
            self.give_back(client, places)
        else:
            self._forget(client, turn)

    async def acquire(self, client: str, places: int = 1) -> None:
        """Take places for `client`, once they are free for it."""
        if not self.take(client, places):
            await self.wait(client, places)

    async def wait(self, client: str, places: int = 1) -> None:
        """Take the next places that become free for `client`."""
        turn = self.enqueue(client, places)
        try:
            await turn
        except BaseException:  # perhaps it was given a place after it had stopped waiting
            self.leave(client, turn, places)
            raise

    def give_back(self, client: str, places: int = 1) -> None:
        """Return places of `client`; the client whose turn it is gets them."""
        left = self._used[client] - places
        if left:
            self._used[client] = left
        else:
            del self._used[client]
        self._free += places
        if self._waiting:
            self._serve()

    def _may_take(self, client: str, places: int) -> bool:
        left = self._free - places
        return left >= self._reserved or (left >= 0 and self._used.get(client, 0) < self._few)

    def _serve(self) -> None:
        """Give free places to waiting clients, in turn."""
        while self._free:
            client = next((each for each, turns in self._waiting.items() if self._may_take(each, turns[0][1])), None)
            if client is None:
                return
            turns = self._waiting.pop(client)
            turn, places = turns.popleft()
            if turns:
                self._waiting[client] = turns  # behind all others
            if not turn.done():
                self._free -= places
                self._used[client] = self._used.get(client, 0) + places
                turn.set_result(None)

    def _forget(self, client: str, turn: asyncio.Future[None]) -> None:
        turns = self._waiting.get(client)
        entry = None if turns is None else next((entry for entry in turns if entry[0] is turn), None)
        if turns is not None and entry is not None:
            turns.remove(entry)
            if not turns:
                del self._waiting[client]
