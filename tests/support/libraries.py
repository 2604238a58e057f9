"""The client libraries, each in an environment of its own that `make test-clients` makes, and scripts run in it."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from proxy.server.proxy import Proxy
from tests.support.programs import until_left

HERE = Path(__file__).parents[1] / "clients"
ENVIRONMENTS = HERE.parent.parent / ".clients"
SECONDS = 30
LINE_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Library:
    """A library (`xrpl_py` or `xrpl_js`, as its folder is called) in the version that asks for `api_version`."""

    name: str
    api_version: int

    def __str__(self) -> str:
        return f"{self.name}-v{self.api_version}"

    def command(self, script: str) -> list[str]:
        """The words that start `script` (a file's stem) with this library; fails the test where it is not installed."""
        environment = ENVIRONMENTS / self.name / f"v{self.api_version}"
        if not environment.is_dir():
            pytest.fail(f"{self} is not installed: run `make test-clients`", pytrace=False)
        if self.name == "xrpl_py":
            return [str(environment / "bin" / "python"), str(HERE / self.name / f"{script}.py")]
        node = shutil.which("node")
        if node is None:
            pytest.fail("xrpl.js needs Node.js: install node and npm", pytrace=False)
        return [node, str(HERE / self.name / f"{script}.cjs")]

    def environment(self) -> dict[str, str]:
        """What the script finds its library by; nothing else of this process's environment may change what it does."""
        modules = ENVIRONMENTS / self.name / f"v{self.api_version}" / "node_modules"
        return {"PATH": os.environ["PATH"], "NODE_PATH": str(modules), "PYTHONDONTWRITEBYTECODE": "1"}


class Script:
    """A running script that reports what happens to it, a JSON object a line, and continues on lines of input."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.said: list[dict[str, Any]] = []

    async def says(self, word: str) -> Any:
        """Waits until it says `word`, an object's one name, and returns that one's value."""
        assert self._process.stdout is not None
        async with asyncio.timeout(SECONDS):
            while line := await self._process.stdout.readline():
                self.said.append(orjson.loads(line))
                if word in self.said[-1]:
                    return self.said[-1][word]
        return pytest.fail(f"it never said {word!r}, only {self.said}; {await self._errors()}", pytrace=False)

    def tell(self, word: str) -> None:
        """Sends it a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())

    async def result(self, seconds: float = SECONDS) -> bytes:
        """Waits for it to end well, and returns what it wrote. Raises TimeoutError when it has not by then."""
        async with asyncio.timeout(seconds):
            out, errors = await self._process.communicate()
        if self._process.returncode:
            pytest.fail(f"it ended with {self._process.returncode}; {errors.decode()}", pytrace=False)
        return out

    async def _errors(self) -> str:
        assert self._process.stderr is not None
        return (await self._process.stderr.read()).decode()


@asynccontextmanager
async def running(library: Library, script: str, *arguments: str) -> AsyncIterator[Script]:
    """Starts `script` with the API version and `arguments`; ends it, if it has not ended, when the block is left."""
    pipe = asyncio.subprocess.PIPE
    command = [*library.command(script), str(library.api_version), *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, stderr=pipe, env=library.environment(), limit=LINE_BYTES
    )
    async with until_left(process):
        yield Script(process)


def websocket_url(proxy: Proxy) -> str:
    """Where the proxy takes WebSocket connections."""
    return proxy.http_url.replace("http:", "ws:")
