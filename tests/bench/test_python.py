"""The Pythons that are measured."""

import platform
import sys
from pathlib import Path

import pytest

from bench.python import Python, Unusable, build_of


def test_an_interpreter_with_the_dependencies_is_described() -> None:
    python = Python.at(sys.executable)
    assert python.version == platform.python_version()


def test_what_cannot_run_the_proxy_is_refused_with_the_remedy(tmp_path: Path) -> None:
    empty = tmp_path / "python"
    empty.write_text(f'#!/bin/sh\nexec {sys._base_executable} -S -I "$@"\n')  # type: ignore[attr-defined]
    empty.chmod(0o755)
    with pytest.raises(Unusable, match=r"No module named 'aiohttp'.*requirements\.txt"):
        Python.at(str(empty))
    with pytest.raises(Unusable, match="No such file"):
        Python.at(str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("arguments", "build"),
    [
        ("'--prefix=/opt/python' '--enable-optimizations' '--with-lto'", "profile-guided"),
        ("'--enable-shared' '--prefix=/usr' '--without-ensurepip'", "the distribution's"),
        ("'--prefix=/opt/python-3.13' '--enable-shared'", "not profile-guided"),
    ],
)
def test_how_it_was_compiled(arguments: str, build: str) -> None:
    assert build_of(arguments) == build
