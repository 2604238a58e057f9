"""Request bodies that are arriving: bounded in number, so that slow clients cannot keep others out."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Literal


class ReceivingBodies:
    """The incomplete bodies by client, the oldest first."""

    def __init__(self) -> None:
        self.count = 0
        self._of_client: dict[str, OrderedDict[Callable[[], None], None]] = {}

    def add(
        self, client: str, give_up: Callable[[], None], most: int, most_of_client: int | None
    ) -> Literal["in_flight", "in_flight_per_address"] | None:
        """Count a body of `client`; return why it is refused, or None.

        If there are `most` in total, the client with the most loses its oldest, for which `give_up` is called; that
        body then removes itself. A client with as many is refused instead.
        """
        own = self._of_client.get(client, ())
        if most_of_client is not None and len(own) >= most_of_client:
            return "in_flight_per_address"
        if self.count >= most and not self._evict(len(own) + 1):
            return "in_flight"
        self._of_client.setdefault(client, OrderedDict())[give_up] = None
        self.count += 1
        return None

    def remove(self, client: str, give_up: Callable[[], None]) -> None:
        """Stop counting a body that has arrived or whose client is gone. Does nothing for one that was given up."""
        bodies = self._of_client.get(client)
        if bodies is None or give_up not in bodies:
            return
        del bodies[give_up]
        self.count -= 1
        if not bodies:
            del self._of_client[client]

    def _evict(self, more_than: int) -> bool:
        """Give up the oldest body of the client that has the most, if it has more than `more_than`."""
        client = max(self._of_client, key=lambda each: len(self._of_client[each]))
        bodies = self._of_client[client]
        if len(bodies) <= more_than:
            return False
        give_up = next(iter(bodies))
        self.remove(client, give_up)
        give_up()
        return True
