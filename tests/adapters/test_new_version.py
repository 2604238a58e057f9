"""A new version is one folder: an imaginary version 4, added to a copy of the tree, is served and documented there."""

import asyncio
import re
import shutil
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from tests.support.conformance import client_session
from tests.support.copied_tree import TREE, copy_tree, run_in
from tests.support.imaginary import write_recordings
from tests.support.programs import until_left

FOLDER = TREE / "tests" / "data" / "v3_v4"
ALICE = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with one folder more."""
    copy = copy_tree(tmp_path_factory.mktemp("copy") / "tree")
    shutil.copytree(FOLDER, copy / "adapters" / "v3_v4", ignore=shutil.ignore_patterns("__pycache__"))
    write_recordings(copy / "adapters" / "v3_v4" / "recordings")
    return copy


@pytest.mark.parametrize(
    "selection",
    [
        ("tests/adapters", "-m", "not slow"),
        ("tests/config", "tests/versions", "tests/test_cli.py", "tests/nodes/test_health.py"),
        ("tests/spec/test_documents.py", "tests/spec/test_changes.py", "tests/spec/test_proxy.py"),
        ("tests/spec/test_reading.py", "tests/spec/test_comparison.py", "tests/spec/test_schemas.py"),
        ("tests/spec/test_recorded.py", "-m", "slow", "-k", "v3_v4"),
        ("tests/spec/test_documents.py", "-m", "slow", "-k", "openapi"),
        ("tests/conformance", "-k", "v3_v4 and not admin"),
        ("tests/commands/test_explain.py", "tests/commands/test_translate.py"),
    ],
    ids=lambda selection: selection[0],
)
def test_the_tests_of_the_copy_pass(copied: Path, selection: tuple[str, ...]) -> None:
    printed = run_in(copied, "-m", "pytest", "-q", "-p", "no:cacheprovider", *selection, seconds=840)
    assert re.search(r"\d passed", printed)


@asynccontextmanager
async def demo(copied: Path, api_version: int) -> AsyncIterator[tuple[str, str]]:
    """The demo node of the new folder at a version, with the proxy in front: the URLs of clients and of operators."""
    command = ["-m", "proxy", "demo", "--node", "v3_v4", "--port", "0", "--observe-port", "0"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, "--api-version", str(api_version), cwd=copied, stdout=PIPE, stderr=PIPE
    )
    assert process.stdout is not None
    async with until_left(process):
        async with asyncio.timeout(60):
            printed = (await process.stdout.readuntil(b"Ctrl-C stops it.")).decode()
        proxy_url, observe_url = (
            match[1] for match in re.finditer(r"^(?:proxy|observe) +(http://[^/\s]+)", printed, re.MULTILINE)
        )
        yield proxy_url, observe_url


async def ask(session: aiohttp.ClientSession, url: str, version: int, method: str, **params: Any) -> dict[str, Any]:
    body = {"method": method, "params": [{**params, "api_version": version}]}
    async with session.post(url, data=orjson.dumps(body)) as response:
        assert response.status == 200, await response.text()
        result: dict[str, Any] = (await response.json())["result"]
        return result


async def test_clients_of_every_version_on_a_node_of_the_new_one(copied: Path) -> None:
    async with demo(copied, 4) as (url, observe), client_session() as session:
        for version in (1, 2, 3, 4):
            account = await ask(session, url, version, "account_info", account=ALICE, signer_lists=True)
            assert ("account_flags" in account) == (version < 4)
            assert ("flags" in account["account_data"]) == (version == 4)
            assert ("signer_lists" in account["account_data"]) == (version == 1)
            fee = await ask(session, url, version, "fee")
            assert isinstance(fee["drops"]["base_fee"], int if version == 4 else str)
            assert ("ledger_current_index" in fee) == (version < 4)
        async with session.get(f"{observe}/metrics") as response:
            metrics = await response.text()
        assert 'client_version="4"' in metrics
        assert 'node_version="4"' in metrics
        async with session.get(f"{observe}/summary") as response:
            summary = await response.json()
        assert summary["versions"]["max"] == 4
        assert summary["versions"]["requests"]["4"] == 2
        # Health has read what only the new version's adapters find.
        assert summary["nodes"][0]["validated_ledger"] == 131
        for kind in ("openapi", "asyncapi"):
            async with session.get(f"{observe}/{kind}/v4.json") as response:
                assert (await response.json())["info"]["title"] == "XRP Ledger API, version 4 (beta)"


async def test_a_beta_is_offered_where_the_configuration_says_so(copied: Path) -> None:
    async with demo(copied, 1) as (url, _), client_session() as session:
        refused = {"method": "fee", "params": [{"api_version": 4}]}
        async with session.post(url, data=orjson.dumps(refused)) as response:
            assert response.status == 400  # a beta is offered only where the configuration says so
    configuration = copied / "v4.yaml"
    configuration.write_text("versions: {max: 4}\nnodes: [{name: a, http: 'http://127.0.0.1:5005', api_version: 4}]\n")
    try:
        assert "1 to 4" in run_in(copied, "-m", "proxy", "check-config", "--config", "v4.yaml")
    finally:
        configuration.unlink()


def test_the_commands_know_the_new_version(copied: Path) -> None:
    assert orjson.loads(run_in(copied, "-m", "proxy", "spec", "--api-version", "4"))["info"]["version"] == "4"
    reported = run_in(copied, "-m", "proxy", "changes", "3", "4")
    for words in ("account_flags", "receive_currencies", "outOfSync"):
        assert words in reported


def test_what_the_proxy_itself_reads_and_writes_has_the_form_of_the_new_version(tmp_path: Path) -> None:
    """Errors, parameters of `subscribe`, pushed messages: another imaginary version, which changes those."""
    changed = copy_tree(tmp_path / "tree")
    data = TREE / "tests" / "data"
    shutil.copytree(
        data / "v3_v4_everywhere", changed / "adapters" / "v3_v4", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copyfile(data / "v4_clients_and_nodes.py", changed / "tests" / "websocket" / "test_v4.py")
    printed = run_in(changed, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/websocket/test_v4.py")
    assert re.search(r"\d passed", printed)
