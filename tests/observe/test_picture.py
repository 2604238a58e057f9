"""The page with a month of data: on a desk and on a phone, light and dark, by keyboard; and its picture for the README.

The picture is made again with `UPDATE_PICTURES=1 make test` (or this file alone).
"""

import math
import os
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from proxy.config import Settings
from proxy.nodes import NodeStatus
from proxy.nodes.readiness import Readiness
from proxy.observe.clients import ClientsPage
from proxy.observe.retiring import RetiringPage
from proxy.observe.server import ObserveServer
from proxy.observe.summary import Summary, serve_page
from proxy.telemetry.client_usage import ClientIdentity, ClientUsage
from proxy.telemetry.metrics import Metrics
from proxy.versions.negotiation import VersionRange
from tests.support.browser import Browser, browser

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "observe-page.png"
HOUR, DAY = 3600, 86400

LIBRARIES = (
    ("203.0.113.17", "xrpl.js/2.14.1 (wallet backend)", 412, ("account_info", "account_tx", "tx")),
    ("2001:db8:40:1::9", "xrpl-py/1.9.0", 230, ("account_tx", "tx")),
    ("198.51.100.4", "xrpl4j/2.5.1", 118, ("account_info", "ledger")),
    ("192.0.2.77", "Go-http-client/1.1", 61, ("tx",)),
    ("198.51.100.23", None, 12, ("account_info",)),
)


class Month:
    """A clock, and a proxy's metrics, history and callers over 21 days, in which version 1 goes from 60 % to 18 %."""

    def __init__(self) -> None:
        self.now = time.time() - time.time() % 300 - 21 * DAY
        self.metrics = Metrics("0.1.0")
        self.callers = ClientUsage("full", 24, 1000, (), lambda: self.now)
        settings = Settings.model_validate(
            {
                "nodes": [{"name": "node-1", "http": "http://a"}, {"name": "node-2", "http": "http://b"}],
                "versions": {
                    "dry_run_refuse": [1],
                    "sunset": [{"version": 1, "date": "2099-06-30", "refuse": True}],
                },
            }
        )
        nodes = (
            NodeStatus(
                "node-1",
                True,
                True,
                api_version=2,
                server_state="full",
                validated_ledger=99_412_877,
                validated_ledger_age=3,
                lag=0,
            ),
            NodeStatus("node-2", problem="refused", api_version=2),
        )
        self.summary = Summary(
            "0.1.0",
            self.metrics,
            lambda: settings,
            lambda: VersionRange(1, 2),
            lambda: Readiness(nodes),
            lambda: self.callers,
            lambda: self.now,
        )
        steps = 21 * DAY // 300
        for step in range(steps):
            self.now += 300
            day = 0.03 * math.sin(2 * math.pi * step / 288) + 0.005 * (step * 37 % 11 - 5)
            old = round(100 * (0.6 - 0.42 * step / steps + day))
            for version, count in ((1, old), (2, 100 - old)):
                for _ in range(count):
                    self.metrics.request("http", "account_info" if count % 3 else "tx", version, 2, "success", 0.01)
                    if version == 1:
                        self.metrics.version_would_refuse("http", 1)
            self.summary.write_history()
        for address, agent, requests, methods in LIBRARIES:
            for number in range(requests):
                self.callers.record(ClientIdentity(address, agent or ""), "http", 1, methods[number % len(methods)])
        for version in (1, 2, 2):
            self.metrics.sessions.opened(version)
        self.metrics.sessions.subscribed("ledger", 2, 2)
        self.metrics.refused("rate")


@pytest.fixture(scope="module")
def month() -> Month:
    return Month()


@asynccontextmanager
async def shown(month: Month, folder: Path) -> AsyncIterator[Browser]:
    server = ObserveServer(
        "127.0.0.1",
        0,
        version="0.1.0",
        metrics=month.metrics,
        readiness=lambda: Readiness(()),
        pages={
            "/": serve_page,
            "/summary": month.summary.serve_json,
            "/retiring": RetiringPage(month.summary.retiring).serve,
            "/clients": ClientsPage(lambda: month.callers, frozenset).serve,
        },
    )
    await server.start()
    try:
        async with browser(folder) as window:
            await window.open(f"{server.url}/")
            await window.becomes("#top", lambda text: "xrpl.js" in text)
            yield window
            assert await window.complaints() == []
    finally:
        await server.stop()


@pytest.mark.timeout(120)
async def test_the_first_screen_answers_who_still_needs_version_1(month: Month, tmp_path: Path) -> None:
    async with shown(month, tmp_path) as window:
        await window.show_as(1100, 900)
        assert await window.text("#who-title") == "Who still needs version 1"
        facts = await window.text("#facts")
        assert "Callers\n5\nin the last 24 hours" in facts
        assert "Methods affected\n4" in facts
        assert "requests would have been refused" in facts
        assert "at today's trend" in facts
        rows = [line.split("\t") for line in (await window.text("#top")).splitlines()]
        assert [row[:3] for row in rows[1:3]] == [
            ["203.0.113.17", "xrpl.js/2.14.1 (wallet backend)", "412"],
            ["2001:db8:40:1::9", "xrpl-py/1.9.0", "230"],
        ]
        # All of it without scrolling.
        assert await window.run("return document.querySelector('#top').getBoundingClientRect().bottom") < 900
        await window.show_as(1100, 770)
        await window.run("document.querySelector('#month').click()")
        picture = await window.picture()
        assert struct.unpack(">II", picture[16:24]) == (1100, 770)
        if os.environ.get("UPDATE_PICTURES") == "1":
            PICTURE.write_bytes(picture)


def test_the_readme_has_the_picture_and_it_is_small() -> None:
    assert PICTURE.stat().st_size < 150_000
    assert str(PICTURE.relative_to(PICTURE.parents[2])) in (PICTURE.parents[2] / "README.md").read_text()


@pytest.mark.timeout(120)
async def test_the_chart_has_axes_of_hours_and_of_days_and_is_driven_by_keyboard(month: Month, tmp_path: Path) -> None:
    async with shown(month, tmp_path) as window:
        labels = "return [...document.querySelectorAll('#chart text')].map((each) => each.textContent)"
        by_hours = await window.run(labels)
        assert next(each for each in by_hours if ":" in each).endswith(":00")
        assert "0 %" in by_hours
        assert "Every five minutes" in await window.text("#chart-text")
        await window.run("document.querySelector('#month').focus()")
        assert await window.run("return getComputedStyle(document.querySelector('#month')).outlineStyle") is not None
        await window.press("\ue007")  # Enter
        by_days = await window.becomes("#chart-text", lambda text: "Hourly" in text)
        assert "highest" in by_days
        months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
        assert len([each for each in await window.run(labels) if each[:3] in months]) >= 3
        assert await window.run("return document.querySelector('#month').getAttribute('aria-pressed')") == "true"
        assert await window.run("return document.querySelector('#chart polyline').points.length") > 400
        await window.run("document.querySelector('details').open = true")
        assert len((await window.text("#points")).splitlines()) == 49


OVERFLOWING = """
const edge = document.documentElement.clientWidth + 0.5;
return [...document.querySelectorAll("main *")]
  .filter((each) => !each.closest("svg") && !each.closest("thead") && each.getBoundingClientRect().right > edge)
  .map((each) => each.outerHTML.slice(0, 80));
"""
CONTRASTS = """
const parts = (color) => color.match(/[0-9.]+/g).map(Number);
const light = (color) => parts(color).slice(0, 3).map((value) => value / 255)
  .map((value) => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
  .reduce((total, value, index) => total + value * [0.2126, 0.7152, 0.0722][index], 0);
const behind = (each) => {
  while (each !== document.body && parts(getComputedStyle(each).backgroundColor)[3] === 0) each = each.parentElement;
  return getComputedStyle(each).backgroundColor;
};
return Math.min(...[...document.querySelectorAll("h1, h2, h3, p, a, td, th, dt, dd, small, button")]
  .filter((each) => each.textContent.trim()).map((each) => {
    const [one, other] = [light(getComputedStyle(each).color), light(behind(each))].sort((a, b) => b - a);
    return (one + 0.05) / (other + 0.05); }));
"""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("dark", [False, True])
async def test_on_a_phone_nothing_is_cut_and_texts_can_be_read(month: Month, tmp_path: Path, dark: bool) -> None:
    async with shown(month, tmp_path) as window:
        await window.show_as(360, 800, dark=dark, mobile=True)
        assert await window.run("return document.documentElement.scrollWidth") <= 360
        assert await window.run(OVERFLOWING) == []
        assert "412" in await window.text("#top")
        background = await window.run("return getComputedStyle(document.body).backgroundColor")
        assert background == ("rgb(20, 22, 26)" if dark else "rgb(246, 247, 249)")
        assert await window.run(CONTRASTS) >= 4.5


@pytest.mark.timeout(120)
async def test_a_screen_reader_finds_its_way(month: Month, tmp_path: Path) -> None:
    async with shown(month, tmp_path) as window:
        unnamed = """
        const name = (each) => (each.getAttribute("aria-labelledby") || "").split(" ").filter(Boolean)
          .map((id) => document.getElementById(id).textContent).join(" ")
          || each.getAttribute("aria-label") || each.textContent;
        return [...document.querySelectorAll("table, section, svg, button, a, [role=group]")]
          .filter((each) => !name(each).trim()).map((each) => each.outerHTML.slice(0, 80))"""
        assert await window.run(unnamed) == []
        assert await window.run("return document.documentElement.lang") == "en"
        levels = "return [...document.querySelectorAll('h1, h2, h3')].map((each) => Number(each.tagName[1]))"
        found = await window.run(levels)
        assert found[0] == 1
        assert all(later - earlier <= 1 for earlier, later in pairwise(found))
        roles = "return [...new Set([...document.querySelectorAll('#top *')].map((each) => each.getAttribute('role')))]"
        assert set(await window.run(roles)) == {"rowgroup", "row", "columnheader", "cell"}
