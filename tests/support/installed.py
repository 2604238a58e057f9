"""What the tests of deploy/ need besides the virtual environment: programs and packages that a machine may not have.

`tests/deploy/install` installs them. Without them the tests that need them are skipped, but never on CI.
"""

import asyncio
import importlib
import os
import shutil
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
DOCS = Path(__file__).parents[2] / "docs"
_FOLDERS = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", ""), "/usr/sbin"])


def program(name: str) -> str:
    """The path of a program; skips the test where it is not installed."""
    found = shutil.which(name, path=_FOLDERS)
    return found if found is not None else _missing(name)


def package(name: str) -> Any:
    """A Python package, imported; skips the test where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        _missing(name)


def _missing(name: str) -> NoReturn:
    reason = f"{name} is not installed: bash tests/deploy/install"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def output_of(name: str, *arguments: str | Path) -> str:
    """What a program prints that has to succeed, and in a minute."""
    done = subprocess.run(
        [program(name), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@asynccontextmanager
async def running(name: str, *arguments: str | Path) -> AsyncIterator[Process]:
    """A program that runs until the block ends; what it says is to be read from its `stderr`."""
    process = await asyncio.create_subprocess_exec(
        program(name), *map(str, arguments), stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(10):
                await process.communicate()
        except TimeoutError:
            process.kill()
            await process.communicate()


async def said(process: Process, word: str) -> str:
    """The next line of a program's stderr with `word` in it; fails where it ends without having said so."""
    assert process.stderr is not None
    heard = []
    async with asyncio.timeout(20):
        while line := (await process.stderr.readline()).decode():
            if word in line:
                return line
            heard.append(line)
    pytest.fail(f"it ended without saying {word!r}: {''.join(heard)}")
