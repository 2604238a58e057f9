"""Whether the process should receive new requests, and why not."""

from dataclasses import dataclass

from proxy.nodes.status import NodeStatus


@dataclass(frozen=True, slots=True)
class Readiness:
    """The nodes' status from the last health checks, and whether the proxy is shutting down."""

    nodes: tuple[NodeStatus, ...]
    draining: bool = False
    """The proxy is shutting down: it finishes requests in flight and should get no new ones."""

    @property
    def ready(self) -> bool:
        """At least one node is in rotation, and the proxy is not shutting down."""
        return not self.draining and any(node.healthy for node in self.nodes)
