"""The documents: their links lead somewhere (`mkdocs build` checks those inside the site), their commands are there."""

import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from proxy.cli import main
from proxy.config import Settings

ROOT = Path(__file__).parent.parent
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in _HEADING.findall(page.read_text())}


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text()):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
_COMMAND = re.compile(r"(?:xrpl-version-proxy|python -m proxy) ([a-z][a-z-]*(?: [^|>`\n]*)?)")


def commands_of(page: Path) -> Iterator[list[str]]:
    """The words after `xrpl-version-proxy` in the lines and `code` of a page, line by line, without comments."""
    text = page.read_text().replace("\\\n", " ")
    for code in re.findall(r"^(?:    |\$ )(.+)$|`([^`\n]+)`", text, re.MULTILINE):
        for words in _COMMAND.findall(re.sub(r" +# .*", "", "".join(code))):
            yield shlex.split(words)


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_commands_and_their_options_exist(page: Path) -> None:
    for words in commands_of(page):
        command: click.Command | None = main
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            name = words.pop(0)
            command = command.get_command(click.Context(command), name)
            assert command is not None, name
        assert command is not None
        options = {"--help", *(option for each in command.params for option in each.opts)}
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_targets_of_make_and_paths_of_tests_exist(page: Path) -> None:
    text = page.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|^    )make (?:[A-Z]+=\S+ )*([a-z-]+)", text, re.MULTILINE)) <= targets
    run = " ".join(line for line in text.splitlines() if "pytest" in line)
    assert all((ROOT / path).exists() for path in re.findall(r"\btests/[\w/.-]*\w", run))


def configurations_of(page: Path) -> Iterator[dict[str, Any]]:
    """The mappings with keys of the configuration in the fenced and the indented code of a page."""
    text = page.read_text()
    for code in re.findall(r"^```yaml\n((?s:.+?))^```$|((?:^    .+\n)+)", text, re.MULTILINE):
        try:
            written = yaml.safe_load(textwrap.dedent("".join(code)))
        except yaml.YAMLError:
            continue  # not YAML
        if isinstance(written, dict) and written and written.keys() <= Settings.model_fields.keys():
            yield written


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_configurations_are_valid(page: Path) -> None:
    for written in configurations_of(page):
        Settings.model_validate({"nodes": [{"name": "node-1", "http": "http://127.0.0.1:5005"}], **written})


def test_what_is_checked_is_found() -> None:
    assert sum(len(list(configurations_of(page))) for page in DOCUMENTS) > 5
    found = [words[0] for page in DOCUMENTS for words in commands_of(page)]
    assert {"serve", "check-config", "call", "watch", "translate", "verify", "clients", "scaffold"} <= set(found)
