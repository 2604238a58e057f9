"""All nodes of the configuration, and the choice among them."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from proxy.nodes.health import NodeHealth, NodeStatus
from proxy.nodes.http import HttpNode


@dataclass(slots=True)
class Node:
    """One node: how it is asked, how it is, and how much it has to do."""

    name: str
    http: HttpNode
    websocket_url: str | None
    health: NodeHealth
    in_flight: int = 0

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Counts a client's request that the node is at, for the choice among nodes."""
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    @property
    def api_version(self) -> int | None:
        """The version that the node is spoken to in; None while it is not known."""
        return self.health.api_version


class Nodes:
    """The nodes, their health looked after from `start` to `close`."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._nodes = tuple(nodes)

    async def start(self, wait: float) -> None:
        """Begins to look after them; waits at most `wait` seconds for a first word of each."""
        for node in self._nodes:
            node.health.start()
        await asyncio.gather(*(node.health.wait_first(wait) for node in self._nodes))

    async def close(self) -> None:
        """Ends what `start` began, and all connections."""
        await asyncio.gather(*(node.health.close() for node in self._nodes))
        await asyncio.gather(*(node.http.close() for node in self._nodes))

    def choose(self, client_version: int, *, websocket: bool = False) -> Node | None:
        """The node for a client's request, None where none is up.

        One of the client's own version first, for no rewriting is the best rewriting; then the least busy.
        """
        able = [
            node
            for node in self._nodes
            if node.health.up and node.api_version is not None and (node.websocket_url is not None or not websocket)
        ]
        return min(able, key=lambda node: (node.api_version != client_version, node.in_flight), default=None)

    @property
    def any_websocket(self) -> bool:
        """Whether any node of the configuration is reachable by WebSocket, up or not."""
        return any(node.websocket_url is not None for node in self._nodes)

    def statuses(self) -> tuple[NodeStatus, ...]:
        """How each node is."""
        return tuple(node.health.status for node in self._nodes)
