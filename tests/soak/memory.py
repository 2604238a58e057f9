"""What an idle session costs the proxy in memory: `python -m tests.soak.memory [SESSIONS]`.

The proxy has a process of its own here, so that its resident memory is its own. It is read twice: after so many
sessions have each asked and been answered once, without and with permessage-deflate.
"""

import asyncio
import json
import os
import random
import sys
import tempfile
from pathlib import Path

import aiohttp

from tests.soak.nodes import SoakNode


def _resident_kilobytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


async def _port_of(process: asyncio.subprocess.Process) -> str:
    """Where clients connect, from the proxy's line about having started."""
    assert process.stderr is not None
    async for line in process.stderr:
        entry = json.loads(line)
        if entry["event"] == "started":
            url: str = entry["listen"][0]
            return url
    raise RuntimeError("the proxy has not started")


async def _read_away(stream: asyncio.StreamReader | None) -> None:
    while stream is not None and await stream.read(65536):
        pass


async def measure(sessions: int, compress: int) -> float:
    """Kilobytes of the proxy's resident memory for each of so many idle sessions."""
    node = SoakNode(2, unordered=False, chance=random.Random(1))
    node.fails = False
    await node.start()
    settings = {
        "listen": {"host": "127.0.0.1", "port": 0},
        "observe": {"host": "127.0.0.1", "port": 0},
        "limits": {"exempt": ["127.0.0.0/8"]},
        "websocket": {"sessions_per_address": 100_000},
        "nodes": [{"name": "n", "http": node.http_url, "websocket": node.websocket_url, "api_version": 2}],
    }
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False) as file:
        json.dump(settings, file)
    command = ("-m", "proxy", "serve", "--config", file.name)
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stderr=asyncio.subprocess.PIPE)
    url = await _port_of(process)
    reading = asyncio.create_task(_read_away(process.stderr))
    request = {"command": "account_info", "tag": "t", "signer_lists": True}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:

        async def opened() -> aiohttp.ClientWebSocketResponse:
            socket = await http.ws_connect(url, compress=compress)
            await socket.send_json(request)
            await socket.receive_json()
            return socket

        sockets = [await opened() for _ in range(20)]  # what the first ones make is there for all
        before = _resident_kilobytes(process.pid)
        sockets += [await opened() for _ in range(sessions)]
        after = _resident_kilobytes(process.pid)
        process.terminate()
        await process.wait()
        await asyncio.gather(*(socket.close() for socket in sockets))
    await reading
    await node.stop()
    Path(file.name).unlink()  # noqa: ASYNC240
    return (after - before) / sessions


def main() -> None:
    """Prints both figures."""
    sessions = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    for name, compress in (("without", 0), ("with", 15)):
        kilobytes = asyncio.run(measure(sessions, compress))
        print(f"{kilobytes:6.1f} kB for each of {sessions} sessions {name} permessage-deflate")  # noqa: T201


if __name__ == "__main__":
    main()
