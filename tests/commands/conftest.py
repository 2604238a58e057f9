"""Runs commands as one types them."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.support.commands import run

__all__ = ["run"]

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def no_logs() -> Iterator[None]:
    """What proxies of the test log would stand among what a command in the same process writes."""
    with capture_logs():
        yield


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
