"""Runs commands as one types them."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from proxy.cli import main

ROOT = Path(__file__).parent.parent.parent


class Ran(NamedTuple):
    """What a command left: its exit status and what it wrote."""

    status: int
    out: str
    err: str


Run = Callable[..., Awaitable[Ran]]


@pytest.fixture(autouse=True)
def no_logs() -> Iterator[None]:
    """What proxies of the test log would stand among what a command in the same process writes."""
    with capture_logs():
        yield


@pytest.fixture
def run() -> Run:
    """Runs a command in this process, in a thread beside the servers of the test; `stdin` is what it reads."""

    async def run_command(*words: object, stdin: str | bytes | None = None) -> Ran:
        def invoke() -> Ran:
            result = CliRunner().invoke(
                main, [str(word) for word in words], input=stdin, prog_name="xrpl-version-proxy"
            )
            if result.exception is not None and not isinstance(result.exception, SystemExit):
                raise result.exception
            return Ran(result.exit_code, result.stdout, result.stderr)

        return await asyncio.to_thread(invoke)

    return run_command


@pytest.fixture
def start_command() -> Callable[..., Awaitable[asyncio.subprocess.Process]]:
    """Starts a command as a process of its own."""

    async def start(*words: object, stdin: int | None = None) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "proxy",
            *map(str, words),
            stdin=stdin if stdin is not None else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    return start
