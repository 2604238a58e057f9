"""Configurations that have to be refused."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from proxy.config import ConfigurationError, load_settings


def problems(path: Path | None, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The problems of a configuration, by key; fails if there are none, or two of one key."""
    with pytest.raises(ConfigurationError) as raised:
        load_settings(path, dict(environ or {}))
    found = {problem.key: str(problem) for problem in raised.value.problems}
    assert len(found) == len(raised.value.problems), f"something is reported twice: {raised.value}"
    assert str(raised.value) == "\n".join(found.values())
    return found


def assert_reported(found: dict[str, str], expected: Mapping[str, str]) -> None:
    """These are the problems: each has the words expected of its key."""
    for key, words in expected.items():
        assert words in found.get(key, "nothing"), key
    assert found.keys() == expected.keys()
