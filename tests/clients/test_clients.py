"""Real client libraries of both API versions are served by the proxy as by a node of their own version."""

from collections.abc import Iterable
from typing import Any

import orjson
import pytest

from tests.support.libraries import Library, running, websocket_url
from tests.support.start import StartNode, StartProxy

LIBRARIES = [Library(name, version) for name in ("xrpl_py", "xrpl_js") for version in (1, 2)]

pytestmark = pytest.mark.clients


async def what_it_made(library: Library, http_url: str, websocket_url: str) -> dict[str, Any]:
    """What the library made of everything that it asked and was pushed, by what was asked."""
    urls = [http_url, websocket_url] if library.name == "xrpl_py" else [websocket_url]
    async with running(library, "reads", *urls) as script:
        made: dict[str, Any] = orjson.loads(await script.result())
    return made


def difference(native: Any, made: Any, where: str = "") -> str | None:
    """The first place where the two differ, and how; None where they are equal."""
    inner: Iterable[tuple[Any, Any, Any]] = ()
    if isinstance(native, dict) and isinstance(made, dict) and native.keys() == made.keys():
        inner = ((name, native[name], made[name]) for name in native)
    elif isinstance(native, list) and isinstance(made, list) and len(native) == len(made):
        inner = zip(range(len(native)), native, made, strict=True)
    elif native != made:
        return f"{where}: natively {str(native)[:300]}, through the proxy {str(made)[:300]}"
    return next((found for name, one, other in inner if (found := difference(one, other, f"{where}/{name}"))), None)


@pytest.mark.parametrize("node_version", [1, 2])
@pytest.mark.parametrize("library", LIBRARIES, ids=str)
async def test_is_served_as_natively(
    demo_node: StartNode, proxy: StartProxy, library: Library, node_version: int
) -> None:
    native_node = await demo_node("all")
    node = await demo_node(node_version)
    ours = await proxy(node)
    native = await what_it_made(library, native_node.http_url, native_node.websocket_url)
    made = await what_it_made(library, ours.http_url, websocket_url(ours))
    assert difference(native, made) is None
    assert native_node.misses == node.misses == []
