"""The three readers of requests give what a slow and simple one gives, for documents at random."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from proxy.envelope import large_json
from proxy.envelope.large_json import read_large
from proxy.envelope.small_json import Position
from proxy.envelope.strict_json import MAX_DEPTH, MAX_ELEMENTS, RequestUnreadable, read, write
from tests.support.reference_json import Refused, reference

NAMES = ["method", "params", "id", "id", "a", "b", "c", "api_version", "a:b", "\\u0061", "x\\u0000y", "é", "a,b"]
STRINGS = ["", "a", "ping", "batch", "[,]", "{:}", '\\"', "\\\\", "\\n", "\\u0061", "\\u0000", "é😀", "\\ud83d\\ude00"]
STRANGE_STRINGS = ["\\ud800", "\\udc00", "\\ud83d\\\\\\ude00", "\\x", "\n", "\\"]
NUMBERS = ["0", "1", "-1", "4294967295", "-2147483648", "1.5", "1.0", "-0", "-0.0", "1e15", "1.50", "1E+2", "5e-324"]
STRANGE_NUMBERS = ["4294967296", "-2147483649", "9" * 25, "1e400", "-1e999", "1" * 400 + ".5", "01", "+1", ".5", "1."]
CONSTANTS = ["true", "false", "null"]
STRANGE_CONSTANTS = ["NaN", "Infinity", "-Infinity", "nul", ""]
SPACES = ["", "", "", "", " ", "\n", "\t "]


class Documents:
    """Documents at random, from a seed: most are requests, some are nearly."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._strange = 0.0

    def document(self) -> bytes:
        """The next one."""
        self._strange = self._random.choice((0, 0, 0.05))
        shape = self._random.random()
        if shape < 0.4:
            text = f'{{"method":{self.value(1)},"params":[{self.object(3)}]}}'
        elif shape < 0.5:
            text = f'{{"method":"batch","params":[{self.object(3)},{self.object(4)}]}}'
        else:
            text = self.object(4) if shape < 0.9 else self.value(4)
        if self._random.random() < 0.1:
            position = self._random.randrange(len(text) + 1)
            text = text[:position] + self._random.choice(["", '"', ",", "}", "[", "\0"]) + text[position + 1 :]
        elif self._random.random() < 0.05:
            text = text.replace("1.5", "[" * self._random.choice((20, 24, 26)) + "]" * 26)
        return (text + self._random.choice(SPACES)).encode()

    def value(self, depth: int) -> str:
        """A value in which no more than `depth` containers are within each other."""
        kind = self._random.random()
        strange = self._random.random() < self._strange
        if kind < 0.25 or depth == 0:
            return self._random.choice(STRANGE_NUMBERS if strange else NUMBERS)
        if kind < 0.5:
            return f'"{self._random.choice(STRANGE_STRINGS if strange else STRINGS)}"'
        if kind < 0.6:
            return self._random.choice(STRANGE_CONSTANTS if strange else CONSTANTS)
        if kind < 0.8:
            return f"[{self._joined(lambda: self.value(depth - 1))}]"
        return self.object(depth)

    def object(self, depth: int) -> str:
        """An object in which no more than `depth` containers are within each other."""
        names = self._random.sample(NAMES, self._random.choice((0, 1, 2, 3)))
        if names and self._random.random() < self._strange:
            names.append(names[0])
        members = iter(names)
        return f"{{{self._joined(lambda: self._member(next(members), depth), len(names))}}}"

    def _member(self, name: str, depth: int) -> str:
        return f'"{name}"{self._random.choice(SPACES)}:{self._random.choice(SPACES)}{self.value(depth - 1)}'

    def _joined(self, part: Callable[[], str], count: int | None = None) -> str:
        count = self._random.choice((0, 1, 1, 2, 3)) if count is None else count
        return f",{self._random.choice(SPACES)}".join([part() for _ in range(count)])


def outcome(body: bytes, *, in_params: bool) -> Any:
    """What the document is by the slow reader; what it is refused with is not compared."""
    try:
        return reference(body, in_params=in_params)
    except Refused:
        return Refused


def as_large(body: bytes, *, in_params: bool) -> Any:
    """The document as `read_large` reads it, whatever its size."""
    position = Position.REQUEST if in_params else Position.HAS_ID
    return read_large(body, MAX_DEPTH, position, 0, MAX_ELEMENTS)


def as_any(body: bytes, *, in_params: bool) -> Any:
    """The document as a client's is read."""
    return read(body, params_have_ids=in_params)


def attempt(reader: Callable[..., Any], body: bytes, *, in_params: bool) -> bytes | RequestUnreadable:
    """What a reader reads, written again, or what it refuses it with."""
    try:
        return write(reader(body, in_params=in_params))
    except RequestUnreadable as problem:
        return problem


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("count", [5_000, pytest.param(25_000, marks=pytest.mark.slow)])
def test_the_readers_agree(seed: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if seed % 2:
        monkeypatch.setattr(large_json, "_PARSED_ELEMENTS", 0)  # all inner arrays and objects stay text
    documents = Documents(seed)
    refused = 0
    for number in range(count):
        body = documents.document()
        in_params = number % 3 != 0
        expected = outcome(body, in_params=in_params)
        refused += expected is Refused
        for reader in (as_any, as_large):
            written = attempt(reader, body, in_params=in_params)
            if isinstance(written, RequestUnreadable):
                # `read_large` refuses names with a NUL, which mean the same as those without.
                assert expected is Refused or "NUL" in str(written), (body, written)
            elif reader is as_large and isinstance(expected, list):
                assert written == b"[]", body
            else:
                assert outcome(written, in_params=in_params) == expected, (body, written)
    assert count * 0.1 < refused < count * 0.7, "both kinds are tried"
