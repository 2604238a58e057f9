"""Running commands as one types them, in this process."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from proxy.cli import main


class Ran(NamedTuple):
    """What a command left: its exit status and what it wrote."""

    status: int
    out: str
    err: str


Run = Callable[..., Awaitable[Ran]]


@pytest.fixture
def run() -> Run:
    """Runs a command in this process, in a thread, alongside the servers of the test; `stdin` is what it reads."""

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
