"""The README opens with a program that fails at a rippled 1.12 and runs through the proxy: that very program."""

import asyncio
import re
import shutil
from pathlib import Path

import pytest

from tests.support.libraries import SECONDS, Library, websocket_url
from tests.support.programs import until_left
from tests.support.start import StartNode, StartProxy

README = Path(__file__).parents[2] / "README.md"
ADDRESS = "ws://127.0.0.1:51233"

pytestmark = pytest.mark.clients


async def run_snippet(url: str, folder: Path) -> tuple[int | None, str, str]:
    """Exit code, output and errors of the README's first JavaScript, at `url` instead of the default address."""
    found = re.search(r"```js\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None
    assert ADDRESS in found[1]
    script = folder / "readme.cjs"
    script.write_text(found[1].replace(ADDRESS, url))
    node = shutil.which("node")
    if node is None:
        pytest.fail("xrpl.js needs Node.js: install node and npm", pytrace=False)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        node, str(script), stdout=pipe, stderr=pipe, env=Library("xrpl_js", 2).environment()
    )
    async with until_left(process), asyncio.timeout(SECONDS):
        output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


async def test_the_opening_program_fails_at_the_node_and_runs_through_the_proxy(
    demo_node: StartNode, proxy: StartProxy, tmp_path: Path
) -> None:
    node = await demo_node(1, release="rippled-1.12")
    ours = await proxy(node)
    code, _, errors = await run_snippet(node.websocket_url, tmp_path)
    assert code
    assert "RippledError: invalid_API_version" in errors
    code, output, errors = await run_snippet(websocket_url(ours), tmp_path)
    assert (code, errors) == (0, "")
    balance, *history = output.splitlines()
    assert balance == "balance 20003.586429"
    assert len(history) == 3
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ [A-Z]\w+", line) for line in history)
