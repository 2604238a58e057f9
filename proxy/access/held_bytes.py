"""A bound on the bytes of all requests in progress, which the clients that hold the most reach first."""

from collections import Counter


class HeldBytes:
    """The bytes of requests in progress, by client.

    Once a request would take the total above the limit, a client may hold its equal share of the limit and no more. So
    one that holds much cannot keep others out, and the total never exceeds twice the limit.
    """

    def __init__(self) -> None:
        self.total = 0
        self._by_client = Counter[str]()

    def take(self, client: str, size: int, limit: int) -> bool:
        """Count `size` bytes for `client` until `give_back`; or return False if it holds too much."""
        if self.total + size > limit:
            clients = len(self._by_client) + (client not in self._by_client)
            if (self._by_client.get(client, 0) + size) * clients > limit:
                return False
        self._by_client[client] += size
        self.total += size
        return True

    def give_back(self, client: str, size: int) -> None:
        """Stop counting `size` bytes for `client`."""
        self.total -= size
        self._by_client[client] -= size
        if not self._by_client[client]:
            del self._by_client[client]
