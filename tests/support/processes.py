"""A proxy in processes of its own, as many as it has workers, so that their memory is their own."""

import asyncio
import os
import secrets
import signal
import socket
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import orjson

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PATIENCE = 20.0
_ROOT = Path(__file__).parents[2]


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has at the moment, and that the system does not give to anybody's connections."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as free, suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port


def two_workers(node: Any, port: int, **sections: Any) -> dict[str, Any]:
    """The configuration of a proxy of two workers on `port` in front of `node`; `sections` are added or replaced."""
    urls = {"http": node.http_url, "websocket": node.websocket_url, "api_version": 2}
    listen = {"host": "127.0.0.1", "port": port}
    return {"listen": listen, "nodes": [{"name": "node", **urls}], "workers": 2, **sections}


async def request_from_any_worker(port: int, count: int, user_agent: str, method: str) -> None:
    """`count` requests, each on its own connection, which any worker may accept."""
    for _ in range(count):
        async with (
            aiohttp.ClientSession(headers={"User-Agent": user_agent}) as http,
            http.post(f"http://127.0.0.1:{port}/", json={"method": method}) as answer,
        ):
            assert answer.status == 200


class ProxyProcesses:
    """The proxy with these sections of a configuration, from `start` to `stop`."""

    def __init__(self, sections: dict[str, Any], workers: int) -> None:
        port = free_port()
        self.http_url = f"http://127.0.0.1:{port}"
        self.observe_url = ""
        self.logged: Counter[str] = Counter()
        """Log entries by event."""
        at = {"host": "127.0.0.1", "port": port}  # not 0, which several processes cannot share
        self.workers = workers
        self._settings = {**sections, "listen": at, "workers": workers}
        self._started = "started" if workers == 1 else "workers_started"
        self._serves = asyncio.Event()

    async def start(self) -> None:
        """Returns when all its workers serve. Raises TimeoutError."""
        with tempfile.NamedTemporaryFile("wb", suffix=".json", delete=False) as file:
            file.write(orjson.dumps(self._settings))
        self._file = Path(file.name)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "proxy", "serve", "--config", file.name, stderr=asyncio.subprocess.PIPE, cwd=_ROOT
        )
        self._reading = asyncio.create_task(self._read())
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._serves.wait()
        except TimeoutError:
            await self.stop()
            raise

    async def stop(self) -> int:
        """Has it end; returns its status. One that does not end is killed."""
        self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._process.wait()
        finally:
            if self._process.returncode is None:
                self._process.kill()
            await self._reading
            self._file.unlink()

    async def _read(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            entry = orjson.loads(line) if line.startswith(b"{") else {"event": line.decode().strip()}
            self.logged[entry["event"]] += 1
            if entry["event"] == self._started:
                self.observe_url = entry["observe"]
            if self.observe_url and self.logged["started"] >= self.workers:
                self._serves.set()

    def kilobytes(self) -> int:
        """Resident, of all its processes."""
        return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._pids()) * _PAGE // 1024

    def files(self) -> int:
        """Open, in all its processes."""
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in self._pids())

    def _pids(self) -> list[int]:
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *(int(child) for child in children)]
