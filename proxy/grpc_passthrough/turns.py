"""Turns of calls, in fair shares of the event loop: what gRPC's library does for a call counts too."""

import asyncio
from collections import Counter

from proxy.access.fair_share import FairShare

_CALL_SECONDS = 3e-4
"""CPU seconds that the library needs for a call, also for one that is refused."""
_MOST_WAITING, _MOST_OF_CLIENT = 8_000, 4_000
"""Calls that may wait for a turn, of all clients and of one; each takes about 15 kB."""


class TooManyWaiting(Exception):
    """The call may not wait, or has waited too long."""


class CallTurns:
    """Lets each call of a client that has used more than its share wait for a turn.

    So calls that are refused are answered one after the other, and their client sends further ones only then.
    """

    def __init__(self) -> None:
        self._waiting = 0
        self._of_client = Counter[str]()

    async def take(self, fair_share: FairShare, client: str, seconds: float) -> None:
        """Charge a call to the client at the address `client`; wait for a turn if necessary, at most `seconds`.

        Raises TooManyWaiting.
        """
        if fair_share.must_wait(client):
            await self._wait(fair_share, client, seconds)
        fair_share.charge(client, _CALL_SECONDS)

    async def _wait(self, fair_share: FairShare, client: str, seconds: float) -> None:
        if self._waiting >= _MOST_WAITING or self._of_client[client] >= _MOST_OF_CLIENT:
            raise TooManyWaiting
        self._waiting += 1
        self._of_client[client] += 1
        try:
            async with asyncio.timeout(seconds):
                await fair_share.turn(client)
        except TimeoutError:
            raise TooManyWaiting from None
        finally:
            self._waiting -= 1
            self._of_client[client] -= 1
            if not self._of_client[client]:
                del self._of_client[client]
