"""A real browser without a screen, driven by WebDriver (W3C) through Debian's chromedriver."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.installed import program
from tests.support.processes import free_port

_SECONDS = 30
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1200,1100"),
)


class Browser:
    """One window."""

    def __init__(self, http: aiohttp.ClientSession, session: str) -> None:
        self._http = http
        self._session = session

    async def open(self, url: str) -> None:
        """Go to a page, and wait until it is loaded."""
        await _call(self._http, "POST", f"{self._session}/url", url=url)

    async def run(self, script: str) -> Any:
        """What a script in the page returns."""
        return await _call(self._http, "POST", f"{self._session}/execute/sync", script=script, args=[])

    async def text(self, selector: str) -> str:
        """The text of an element, as it is shown."""
        return str(await self.run(f"return document.querySelector({selector!r}).innerText"))

    async def becomes(self, selector: str, wanted: Callable[[str], bool]) -> str:
        """The text of an element as soon as it is as `wanted`; after a time whatever it is then."""
        text = ""
        for _ in range(100):
            text = await self.text(selector)
            if wanted(text):
                break
            await asyncio.sleep(0.1)
        return text

    async def show_as(self, width: int, height: int, *, dark: bool = False, mobile: bool = False) -> None:
        """Give the page that size, and the device's preference for a dark or a light scheme."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        await self._devtools("Emulation.setDeviceMetricsOverride", **size)
        await self._devtools("Emulation.setScrollbarsHidden", hidden=True)
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self._devtools("Emulation.setEmulatedMedia", features=[feature])

    async def picture(self) -> bytes:
        """What the window shows, as PNG."""
        return base64.b64decode(await _call(self._http, "GET", f"{self._session}/screenshot"))

    async def press(self, key: str) -> None:
        """Press and release a key, which goes to the element with the focus."""
        keys = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        await _call(
            self._http, "POST", f"{self._session}/actions", actions=[{"type": "key", "id": "keyboard", "actions": keys}]
        )

    async def _devtools(self, command: str, **params: Any) -> Any:
        return await _call(self._http, "POST", f"{self._session}/goog/cdp/execute", cmd=command, params=params)

    async def complaints(self) -> list[str]:
        """The browser's console: errors of scripts, and requests that the page's policy forbids."""
        entries = await _call(self._http, "POST", f"{self._session}/se/log", type="browser")
        return [entry["message"] for entry in entries if entry["level"] not in ("INFO", "DEBUG")]

    async def requests(self) -> list[str]:
        """The addresses that were requested since this was last called, also by scripts and styles."""
        entries = await _call(self._http, "POST", f"{self._session}/se/log", type="performance")
        events = [json.loads(entry["message"])["message"] for entry in entries]
        return [each["params"]["request"]["url"] for each in events if each["method"] == "Network.requestWillBeSent"]


@asynccontextmanager
async def browser(profile: Path) -> AsyncIterator[Browser]:
    """A browser with an empty profile in the folder `profile`; skips the test where none is installed."""
    driver, chromium = program("chromedriver"), program("chromium")
    port = free_port()  # with 0 it ends if the port that it is given for IPv6 is taken for IPv4
    process = await asyncio.create_subprocess_exec(
        driver, f"--port={port}", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        await asyncio.wait_for(_started(process), _SECONDS)
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", timeout=timeout) as http:
            options = {"binary": chromium, "args": [*_FLAGS, f"--user-data-dir={profile}"]}
            logs = {"browser": "ALL", "performance": "ALL"}
            wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": logs}
            made = await _call(http, "POST", "/session", capabilities={"alwaysMatch": wanted})
            session = f"/session/{made['sessionId']}"
            try:
                yield Browser(http, session)
            finally:
                await _call(http, "DELETE", session)
    finally:
        process.terminate()
        await asyncio.wait_for(process.communicate(), _SECONDS)


async def _started(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    said = b""
    async for line in process.stdout:
        said += line
        if b"started successfully on port" in line:
            return
    raise AssertionError(f"chromedriver did not start: {said.decode()}")


async def _call(http: aiohttp.ClientSession, method: str, path: str, **body: Any) -> Any:
    async with http.request(method, path, json=body if method == "POST" else None) as answer:
        value = (await answer.json())["value"]
        assert answer.status == 200, value
        return value
