"""docs/reliability.md names tests that there are, and times and bounds that are the settings' own."""

import ast
import re
from functools import cache
from pathlib import Path

from proxy.config import settings_keys

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/reliability.md").read_text()
_TEST = re.compile(r"`([a-z_/]+\.py)::(test_\w+)`")


def faults() -> list[str]:
    """The items of the page's lists of faults."""
    lists = PAGE.split("\n## Failover\n")[0]
    return [line for line in lists.splitlines() if line.startswith("- ")]


@cache
def found_in(file: Path) -> set[str]:
    """The tests that pytest finds there: functions, and methods of classes."""
    body = ast.parse(file.read_text()).body
    inner = [each for part in body if isinstance(part, ast.ClassDef) for each in part.body]
    functions = [each for each in (*body, *inner) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {each.name for each in functions if each.name.startswith("test_")}


def test_each_fault_names_a_test_that_exists() -> None:
    assert len(faults()) > 40
    for fault in faults():
        assert re.fullmatch(rf"- \*\*.+\*\*: .+\. {_TEST.pattern}(, {_TEST.pattern})*", fault), fault
    for path, name in _TEST.findall(PAGE):
        assert name in found_in(ROOT / "tests" / path), f"{path}::{name}"


def test_each_test_of_a_fault_has_an_item() -> None:
    named = {match for fault in faults() for match in _TEST.findall(fault)}
    for file in ("test_nodes.py", "test_sessions.py", "test_clients.py", "test_restart.py"):
        for name in found_in(ROOT / "tests/faults" / file):
            assert (f"faults/{file}", name) in named


def test_times_and_bounds_are_the_settings_own() -> None:
    defaults = {key.name: key.default for key in settings_keys()}
    stated = re.findall(r"`([a-z]+\.[a-z_]+)` \(([0-9.]+)(?: s)?\)", PAGE)
    assert len(stated) > 20
    for name, value in stated:
        assert float(value) == defaults[name], name
    named = re.findall(r"`((?:timeouts|health|limits|websocket|logging)\.[a-z_]+)`", PAGE)
    assert set(named) <= set(defaults)
