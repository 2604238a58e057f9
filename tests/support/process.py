"""The proxy as an operator runs it: a process, its configuration file, its signals and its log."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

ROOT = Path(__file__).parent.parent.parent


class Process:
    """`serve` with `settings` in a file of `folder`, from `async with` on; `environ` in addition to those of the test.

    `module`: what is run in place of the proxy as it is.
    """

    def __init__(self, folder: Path, settings: dict[str, Any], *, module: str = "proxy", **environ: str) -> None:
        self.file = folder / "config.yaml"
        self.write(settings)
        self._module = module
        self._environ = environ
        self.lines: list[dict[str, Any]] = []
        self._over = False
        self._news = asyncio.Condition()

    def write(self, settings: dict[str, Any]) -> None:
        """Put other settings in the file; ports that are free are taken where none is given."""
        at = {"host": "127.0.0.1", "port": 0}
        limits = {"exempt": ["127.0.0.0/8"], **settings.get("limits", {})}  # all clients of a test are there
        self.file.write_bytes(orjson.dumps({"listen": at, "observe": at, **settings, "limits": limits}))

    async def __aenter__(self) -> "Process":
        environ = {name: value for name, value in os.environ.items() if not name.startswith("XRPL_PROXY_")}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            "serve",
            "--config",
            str(self.file),
            env={**environ, "PYTHONPATH": str(ROOT), **self._environ},
            stderr=asyncio.subprocess.PIPE,
        )
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._reading

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ended(self, seconds: float = 30) -> int:
        """The exit status."""
        async with asyncio.timeout(seconds):
            return await self._process.wait()

    async def line(self, event: str, count: int = 1) -> dict[str, Any]:
        """The log's line of the `count`th such event, waited for."""
        async with asyncio.timeout(40), self._news:
            await self._news.wait_for(lambda: self._over or len(self._of(event)) >= count)
        assert len(self._of(event)) >= count, f"ended without having logged {event}: {self.lines}"
        return self._of(event)[count - 1]

    async def text(self, words: str, count: int = 1) -> None:
        """Waits for the `count`th line of the console's format with these words."""

        def is_there() -> bool:
            return [words in line["event"] and len(line) == 1 for line in self.lines].count(True) >= count

        async with asyncio.timeout(40), self._news:
            await self._news.wait_for(is_there)

    def _of(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]

    async def _read(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            async with self._news:
                self.lines.append(orjson.loads(line) if line.startswith(b"{") else {"event": line.decode()})
                self._news.notify_all()
        self._over = True
        async with self._news:
            self._news.notify_all()
