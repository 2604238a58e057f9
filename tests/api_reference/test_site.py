"""The built API reference in a real browser: Redoc's pages and the comparisons, on their own and with each other."""

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from adapters import VERSIONS
from api_reference.__main__ import build
from proxy.spec import asyncapi, versions
from proxy.spec.pages import pairs
from proxy.spec.reading import Reading
from tests.support.browser import Browser, browser
from tests.support.installed import program

ROOT = Path(__file__).parents[2]
SPACE, ENTER = "\ue00d", "\ue007"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What npm installs from the lock."""
    folder = tmp_path_factory.mktemp("npm")
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(ROOT / "api_reference" / name, folder / name)
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps")
    command = [program("npm"), "ci", *options]
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200, check=False)
    assert made.returncode == 0, made.stderr
    return folder / "node_modules"


@pytest.fixture(scope="module")
def site(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "reference"
    build(folder, packages)
    return folder


class Shown:
    """The site in a browser."""

    def __init__(self, window: Browser, address: str) -> None:
        self.window = window
        self._address = address

    async def open(self, page: str) -> None:
        # What is already shown would otherwise stay, if only the anchor differs.
        await self.window.open("about:blank")
        await self.window.open(self._address + page)

    async def heading(self, text: str) -> None:
        """Wait until Redoc shows a heading."""
        found = "[...document.querySelectorAll('h1, h2, h3, h4, h5')].map((each) => each.innerText.trim()).join('|')"
        await self.until(f"`|${{{found}}}|`.includes('|{text}|')")

    async def until(self, condition: str) -> None:
        """Wait until an expression is true in the page."""
        script = f"""
            return new Promise((done) => {{
              const look = () => ({condition}) ? done(true) : setTimeout(look, 50);
              setTimeout(() => done(document.body.innerText.slice(0, 500)), 20000);
              look();
            }})"""
        assert await self.window.run(script) is True, condition

    async def address(self) -> str:
        return str(await self.window.run("return location.href")).removeprefix(self._address)

    async def is_clean(self) -> None:
        """The console has no errors, and nothing was requested from anywhere else."""
        assert await self.window.complaints() == []
        ours = (self._address, "data:", "about:", "chrome:")
        requested = await self.window.requests()
        assert any(each.startswith(self._address) for each in requested)
        assert [each for each in requested if not each.startswith(ours)] == []

    async def rows(self, method: str) -> list[str]:
        """The rows that differ between the two versions of a method."""
        script = f"""
            const rows = document.querySelectorAll("#{method} tr:is(.added, .removed, .changed)");
            return [...rows].map((row) => [...row.cells].map((each) => each.innerText.split("\\n")[0]).join(" ; "))"""
        found: list[str] = await self.window.run(script)
        return found


@asynccontextmanager
async def shown(site: Path, profile: Path) -> AsyncIterator[Shown]:
    app = web.Application()
    app.router.add_static("/", site)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with browser(profile) as window:
            yield Shown(window, f"http://127.0.0.1:{runner.addresses[0][1]}/")
    finally:
        await runner.cleanup()


async def test_account_info_side_by_side(site: Path, tmp_path: Path) -> None:
    async with shown(site, tmp_path) as here:
        await here.open("1-2.html#account_info")
        assert await here.rows("account_info") == [
            "signer_lists changed ; Truthy, optional ; boolean, optional",
            "account_data.signer_lists removed ; SignerList[], optional ; absent",
            "signer_lists added ; absent ; SignerList[], optional",
        ]
        top = "return document.querySelector('#account_info').getBoundingClientRect().top"
        assert 0 <= await here.window.run(top) < 100  # the link leads to the method
        colors = await here.window.run(
            "return ['added', 'removed', 'changed', 'same'].map((state) =>"
            " getComputedStyle(document.querySelector(`#account_info tr.${state} td`)).backgroundColor)"
        )
        assert len(set(colors)) == 4
        await here.is_clean()


async def test_only_what_differs_by_keyboard(site: Path, tmp_path: Path) -> None:
    async with shown(site, tmp_path) as here:
        await here.open("1-2.html")
        seen = """return [...document.querySelectorAll("main section, main tr.same, .contents h2")]
            .filter((each) => each.checkVisibility()).map((each) => each.id || each.className || each.innerText)"""
        assert {"fee", "same", "Subscriptions"} <= set(await here.window.run(seen))
        await here.window.run("document.querySelector('#only').focus()")
        await here.window.press(SPACE)
        left = await here.window.run(seen)
        assert {"account_info", "type-LedgerHeader"} <= set(left)
        assert not {"fee", "same", "Subscriptions"} & set(left)
        await here.is_clean()


@pytest.mark.parametrize("transport", ["HTTP", "WebSocket"])
@pytest.mark.parametrize("version", versions())
async def test_a_version_and_its_methods(site: Path, tmp_path: Path, version: int, transport: str) -> None:
    page = f"v{version}.html" if transport == "HTTP" else f"v{version}-websocket.html"
    headings = {"account_info": "account_info"}
    if version == VERSIONS.newest_stable:  # one of each family: Redoc's own links contain the family
        families = {method.family: name for name, method in Reading(asyncapi(version)).methods.items()}
        headings |= {name: name for name in families.values()}
        if transport == "HTTP":
            del headings[families["Subscriptions"]]
        else:
            headings["ledgerClosed"] = "push.ledgerClosed"
    async with shown(site, tmp_path) as here:
        for name, heading in headings.items():
            await here.open(f"{page}#{name}")
            await here.heading(heading)
            assert (await here.address()).startswith(f"{page}#/")
        assert await here.window.run("return document.querySelector('#loading')") is None
        await here.is_clean()


async def test_from_a_version_to_the_comparison_and_back(site: Path, tmp_path: Path) -> None:
    async with shown(site, tmp_path) as here:
        await here.open("v1.html#account_info")
        await here.heading("account_info")
        await here.window.run("document.querySelector('a[href=\"1-2.html#account_info\"]').focus()")
        await here.window.press(ENTER)
        await here.until("document.querySelector('section#account_info')")
        assert await here.address() == "1-2.html#account_info"
        await here.window.run("document.querySelector('a[href=\"v2.html#account_info\"]').click()")
        await here.heading("account_info")
        assert (await here.address()).startswith("v2.html#/")
        await here.window.run("document.querySelector('header a[href=\"index.html\"]').click()")
        await here.until("document.querySelector('a[href=\"1-2.html#account_info\"]')")
        await here.is_clean()


@pytest.mark.parametrize("dark", [False, True])
async def test_on_a_phone_nothing_is_cut(site: Path, tmp_path: Path, dark: bool) -> None:
    async with shown(site, tmp_path) as here:
        await here.window.show_as(360, 800, dark=dark, mobile=True)
        backgrounds = []
        for page in ("index.html", "1-2.html", "v2.html#account_info", "v2-websocket.html#account_info"):
            await here.open(page)
            if page.startswith("v"):
                await here.heading("account_info")
            assert await here.window.run("return document.documentElement.scrollWidth") <= 360, page
            background = await here.window.run("return getComputedStyle(document.body).backgroundColor")
            backgrounds.append(sum(map(int, background.removeprefix("rgb(").rstrip(")").split(","))))
        assert all(light < 150 if dark else light > 700 for light in backgrounds), backgrounds
        await here.is_clean()


def test_every_page_is_written(site: Path) -> None:
    expected = {"index.html", "licences.txt", "redoc.js", "reference.js", "reference.css", "openapi", "asyncapi"}
    expected |= {f"{older}-{newer}.html" for older, newer in pairs()}
    expected |= {f"v{version}{kind}.html" for version in versions() for kind in ("", "-websocket")}
    assert {path.name for path in site.iterdir()} == expected


def test_the_licences_of_what_the_bundle_contains(site: Path) -> None:
    text = (site / "licences.txt").read_text()
    assert "Copyright (c) 2015-present, Rebilly, Inc." in text
    for package in ("redoc 3", "react-dom ", "dompurify ", "flexsearch ", "styled-components "):
        assert f"\n{package}" in text
    assert "Apache License" in text


def test_without_npm_make_says_what_is_missing(tmp_path: Path) -> None:
    shell = Path(program("sh")).parent
    for name in ("sh", "mkdir", "touch"):
        (tmp_path / name).symlink_to(shell / name)
    there: list[Any] = ["-o", f"{sys.prefix}/.can-run", f"VENV={sys.prefix}", f"REDOC_STAMP={tmp_path}/absent"]
    command = [program("make"), *there, "SHELL=/bin/sh", "api-reference"]
    made = subprocess.run(
        command, cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False
    )
    assert made.returncode == 2
    assert "The API reference was not built: it needs npm. Install Node.js" in made.stderr
