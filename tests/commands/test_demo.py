"""`python -m proxy demo` serves, prints commands that work when copied, and stops on SIGTERM."""

import asyncio
import re
import shlex
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson

from tests.support.conformance import client_session
from tests.support.programs import until_left


@asynccontextmanager
async def demo(*options: str) -> AsyncIterator[Process]:
    command = [sys.executable, "-m", "proxy", "demo", "--observe-port", "0", *options]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    async with until_left(process), asyncio.timeout(45):
        yield process


async def printed(process: Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readuntil(b"Ctrl-C stops it.")).decode()


async def asked(session: aiohttp.ClientSession, line: str) -> Any:
    """Asks what a printed `curl -s URL -d BODY` asks."""
    _, _, url, _, body = shlex.split(line)
    async with session.post(url, data=body.encode()) as response:
        assert response.status == 200
        return orjson.loads(await response.read())


async def test_printed_lines_show_one_ledger_at_both_versions() -> None:
    async with demo("--port", "0") as process:
        text = await printed(process)
        lines = re.findall(r"^curl .*$", text, re.MULTILINE)
        (page,) = re.findall(r"^observe +(\S+)", text, re.MULTILINE)
        async with client_session() as session:
            async with session.get(page) as response:
                assert "<title>XRPL version proxy</title>" in await response.text()
            older, newer, payment = [await asked(session, line) for line in lines]
        signers = older["result"]["account_data"]["signer_lists"]
        assert signers == newer["result"]["signer_lists"] != []
        assert payment[0]["result"]["Amount"] == payment[1]["result"]["tx_json"]["DeliverMax"]
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def test_a_port_in_use_is_reported_in_one_line() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, demo("--port", str(port)) as process:
        out, err = await process.communicate()
        assert process.returncode == 1
        assert out == b""
        *before, said = err.decode().splitlines()
        assert str(port) in said
        assert "in use" in said
        assert not any("Traceback" in line for line in before)
