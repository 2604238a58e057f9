"""Examples for the documents: what real servers were asked and answered, from their recordings.

The recordings are those of the demo node and, for a version that a step's folder adds, the ones in that folder.
"""

import lzma
from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

import orjson

from adapters import VERSIONS, JsonObject, step_folder

_RELEASES = {"rippled-2.6": "rippled 2.6.1", "xrpld-3.3": "xrpld 3.3.0-b0"}
_SHORT, _LONGEST = 2_500, 15_000
"""Up to this many bytes, the example that shows most is preferred to the smallest; longer ones are left out."""


class Example(NamedTuple):
    """One exchange, or one stream message. `source`: the server, and which of its recordings it is."""

    source: str
    request: JsonObject
    """The parameters, with `api_version` from version 2 on."""
    http: Any
    """The JSON of the HTTP response."""
    websocket: Any
    """The WebSocket message; None if it was not recorded."""


class Examples(NamedTuple):
    """The examples of one version: of successes and of errors by method, of stream messages by their `type`."""

    successes: dict[str, Example]
    errors: dict[str, Example]
    messages: dict[str, Example]


@cache
def recorded_examples(version: int) -> Examples:
    """The examples of an API version."""
    found = Examples({}, {}, {})
    for folder, server in _recordings():
        successes: dict[str, list[Example]] = {}
        errors: dict[str, list[Example]] = {}
        for entry in _lines(folder / "exchanges.jsonl.xz"):
            example = _exchange(entry, version, server)
            if example is not None:
                kind = errors if "error" in example.http["result"] else successes
                kind.setdefault(entry["method"], []).append(example)
        for method, candidates in successes.items():
            found.successes.setdefault(method, _best(candidates, lambda each: each.http))
        for method, candidates in errors.items():
            found.errors.setdefault(method, min(candidates, key=lambda each: len(orjson.dumps(each.http))))
        for kind_of_message, messages in _messages(folder, version, server).items():
            found.messages.setdefault(kind_of_message, _best(messages, lambda each: each.websocket))
    for long in [method for method, each in found.successes.items() if len(orjson.dumps(each.http)) > _LONGEST]:
        del found.successes[long]
    return found


def _recordings() -> Iterator[tuple[Traversable, str]]:
    """The folders with recordings, the preferred ones first, and the names of their servers."""
    for release, server in _RELEASES.items():
        yield resources.files("proxy").joinpath("demo", "recordings", release), server
    for step in VERSIONS.steps:
        yield step_folder(step) / "recordings", f"a server of version {step.newer}"


def _lines(path: Traversable) -> Iterator[JsonObject]:
    if path.is_file():
        yield from map(orjson.loads, lzma.decompress(path.read_bytes()).splitlines())


def _exchange(entry: JsonObject, version: int, server: str) -> Example | None:
    response = entry["http"].get(str(version))
    if response is None or not isinstance(response["body"], dict) or "result" not in response["body"]:
        return None
    request = dict(entry["params"] or {}) | ({} if version == 1 else {"api_version": version})
    return Example(f"{server}, {entry['id']}", request, response["body"], entry["ws"].get(str(version)))


def _messages(folder: Traversable, version: int, server: str) -> dict[str, list[Example]]:
    path = folder / "streams.json.xz"
    found: dict[str, list[Example]] = {}
    if path.is_file():
        for group, stream in orjson.loads(lzma.decompress(path.read_bytes())).items():
            if group.endswith(f"/{version}"):
                for number, message in enumerate(stream["messages"]):
                    example = Example(f"{server}, streams, {group} {number}", {}, None, message)
                    found.setdefault(message["type"], []).append(example)
    return found


def _best(candidates: list[Example], shown: Callable[[Example], Any]) -> Example:
    """The one that shows most members, unless it is too long."""
    short = [each for each in candidates if len(orjson.dumps(shown(each))) <= _SHORT]
    if not short:
        return min(candidates, key=lambda each: len(orjson.dumps(shown(each))))
    return max(short, key=lambda each: (len(_members(shown(each))), -len(orjson.dumps(shown(each)))))


def _members(value: Any) -> set[str]:
    if isinstance(value, list):
        return set[str]().union(*map(_members, value))
    if isinstance(value, dict):
        return set(value).union(*map(_members, value.values()))
    return set()
