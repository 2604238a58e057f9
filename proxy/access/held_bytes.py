"""A bound on the bytes of all requests in progress, which the clients that hold the most reach first."""


class HeldBytes:
    """The bytes of requests in progress, by client.

    Once a request would take the total above the limit, a client may hold its equal share of the limit and no more. So
    one that holds much cannot keep others out, and the total never exceeds twice the limit.
    """

    def __init__(self) -> None:
        self.total = 0
        self._by_client: dict[str, int] = {}

    def take(self, client: str, size: int, limit: int) -> bool:
        """Count `size` bytes for `client` until `give_back`; or return False if it holds too much."""
        holds = self._by_client.get(client, 0) + size
        if self.total + size > limit:
            clients = len(self._by_client) + (client not in self._by_client)
            if holds * clients > limit:
                return False
        self._by_client[client] = holds
        self.total += size
        return True

    def give_back(self, client: str, size: int) -> None:
        """Stop counting `size` bytes for `client`."""
        self.total -= size
        holds = self._by_client.get(client, 0) - size  # one that has sent an empty request may hold nothing
        if holds:
            self._by_client[client] = holds
        else:
            self._by_client.pop(client, None)
