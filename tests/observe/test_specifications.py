"""The specifications for people, in a real browser at the observe address."""

from pathlib import Path

import pytest

from proxy.nodes.readiness import Readiness
from proxy.observe.server import ObserveServer
from proxy.telemetry.metrics import Metrics
from tests.support.browser import browser


@pytest.mark.timeout(120)
async def test_from_the_overview_to_a_method(tmp_path: Path) -> None:
    server = ObserveServer("127.0.0.1", 0, version="1", metrics=Metrics("1"), readiness=lambda: Readiness(()))
    await server.start()
    try:
        async with browser(tmp_path) as window:
            await window.open(f"{server.url}/spec")
            await window.run("document.querySelector('a[href=\"spec/1-2#account_info\"]').click()")
            text = await window.becomes("body", lambda text: "side by side" in text)
            assert "signer_lists moved from account_data" in text
            assert await window.run("return location.pathname + location.hash") == "/spec/1-2#account_info"
            width = "return getComputedStyle(document.querySelector('main table')).borderCollapse"
            assert await window.run(width) == "collapse"  # its policy allows its style
            await window.run("document.querySelector('header a').click()")
            await window.becomes("h1", lambda text: text == "XRP Ledger API")
            for document in ("openapi/v1.json", "asyncapi/v1.json"):
                assert await window.run(f"return document.querySelector('a[href=\"{document}\"]') !== null")
            assert await window.complaints() == []
    finally:
        await server.stop()
