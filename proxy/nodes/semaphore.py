"""So many questions to a node at once; the others wait for their turn.

As `asyncio.Semaphore`, which takes as long over a free place as reading a small question does.
"""

import asyncio
from collections import deque


class Semaphore:
    """`number` places, to be used within one event loop."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Takes a place, if one is free."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def wait(self) -> None:
        """Takes the next place that nobody else waits for, once it is given back."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except BaseException:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif not turn.cancelled():  # it came when nobody waited any more
                self.give_back()
            raise

    def give_back(self) -> None:
        """Gives a place back: to who has waited longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
