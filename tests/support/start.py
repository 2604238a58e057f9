"""Starting demo nodes and proxies: the types of the fixtures for it, and the configuration of a proxy on free ports."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Protocol, cast

from proxy.config import Settings
from proxy.demo import DemoClio, DemoNode
from tests.support.processes import ProxyProcesses

if TYPE_CHECKING:
    from proxy.server.proxy import Proxy

StartNode = Callable[..., Awaitable[DemoNode]]


class StartProxy(Protocol):
    """Starts a proxy in front of `nodes`: `await proxy(node, versions={"max": 3})`; `sections` are the file's."""

    async def __call__(self, *nodes: DemoNode | DemoClio, **sections: Any) -> "Proxy": ...


def settings_for(*nodes: DemoNode | DemoClio, **sections: Any) -> Settings:
    """Settings of a proxy in front of `nodes`, as `sections_for` has them."""
    return Settings.model_validate(sections_for(*nodes, **sections))


def sections_for(*nodes: DemoNode | DemoClio, **sections: Any) -> dict[str, Any]:
    """The configuration of a proxy on free ports in front of `nodes`, which logs no requests; `sections` replace whole
    ones. Loopback is exempt from the limits per address, as all clients of a test are there, unless `limits` says so.
    """
    return {
        "listen": {"host": "127.0.0.1", "port": 0},
        "observe": {"host": "127.0.0.1", "port": 0},
        "logging": {"requests": "off"},
        "nodes": [
            {
                "name": f"node-{number}",
                "http": node.http_url,
                "websocket": node.websocket_url,
                "api_version": "auto" if node.api_version == "all" else node.api_version,
            }
            for number, node in enumerate(nodes, 1)
        ],
        **sections,
        "limits": {"exempt": ["127.0.0.0/8", "::1/128"], **sections.get("limits", {})},
    }


async def started_proxy(sections: dict[str, Any], workers: int, stack: AsyncExitStack) -> "Proxy":
    """A proxy that ends with `stack`: in this process, or where there are to be `workers`, in others."""
    from proxy.server.proxy import Proxy  # here, so that the tests of a part need no other part

    started = ProxyProcesses(sections, workers) if workers else Proxy(Settings.model_validate(sections))
    await started.start()
    stack.push_async_callback(started.stop)
    return cast("Proxy", started)  # tests with workers use its addresses only
