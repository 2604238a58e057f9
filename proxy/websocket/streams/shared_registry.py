"""The shared links there are, one to each node whose sessions want streams."""

import asyncio

from proxy.nodes.pool import Node
from proxy.nodes.websocket import WebSocketConnector
from proxy.telemetry.metrics import Metrics
from proxy.websocket.streams.shared import SharedSubscription


class SharedSubscriptions:
    """The shared links of one configuration, at most one to each node, for `streams`; see SharedLink."""

    def __init__(
        self, streams: frozenset[str], connector: WebSocketConnector, answer_seconds: float, metrics: Metrics
    ) -> None:
        self.streams = streams
        self._connector = connector
        self._answer_seconds = answer_seconds
        self._metrics = metrics
        self._links: dict[tuple[Node, int], SharedSubscription] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def at(self, node: Node, version: int) -> SharedSubscription:
        """The connection to `node` in `version`; a new one if there was none."""
        link = self._links.get((node, version))
        if link is None:
            link = SharedSubscription(node, version, self._connector, self._answer_seconds, self._metrics, self._forget)
            self._links[node, version] = link
            self._tasks.add(link.task)
            link.task.add_done_callback(self._tasks.discard)
        return link

    def _forget(self, ended: SharedSubscription) -> None:
        self._links = {key: link for key, link in self._links.items() if link is not ended}

    async def close(self) -> None:
        """Closes all connections."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
