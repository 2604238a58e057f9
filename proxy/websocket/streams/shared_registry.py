"""The shared subscriptions: one connection to each node whose sessions subscribe to public streams."""

import asyncio

from proxy.nodes.pool import Node
from proxy.nodes.websocket import WebSocketConnector
from proxy.telemetry.metrics import Metrics
from proxy.websocket.streams.shared import SharedSubscription


class SharedSubscriptions:
    """The shared subscriptions of one configuration, at most one at each node and version, to `streams`."""

    def __init__(
        self, streams: frozenset[str], connector: WebSocketConnector, answer_seconds: float, metrics: Metrics
    ) -> None:
        self.streams = streams
        self._connector = connector
        self._answer_seconds = answer_seconds
        self._metrics = metrics
        self._open: dict[tuple[Node, int], SharedSubscription] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def at(self, node: Node, version: int) -> SharedSubscription:
        """The shared subscription at `node` in `version`; a new one if there is none."""
        subscription = self._open.get((node, version))
        if subscription is None:
            subscription = SharedSubscription(
                node, version, self._connector, self._answer_seconds, self._metrics, self._forget
            )
            self._open[node, version] = subscription
            self._tasks.add(subscription.task)
            subscription.task.add_done_callback(self._tasks.discard)
        return subscription

    def _forget(self, ended: SharedSubscription) -> None:
        self._open = {key: subscription for key, subscription in self._open.items() if subscription is not ended}

    async def close(self) -> None:
        """Close all connections."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
