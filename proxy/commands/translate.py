"""`translate`: converts a message from one API version to another, as the proxy does, with or without a node."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import click
import orjson
import uvloop

from adapters import VERSIONS, JsonObject, NodeInfo, NodeRequest
from adapters.errors import error_result
from adapters.node import UNKNOWN_NODE
from proxy.commands.answer_envelopes import Writing, unwrap
from proxy.commands.api_client import ApiClient, NoAnswer, TextAnswer, node_info
from proxy.commands.arguments import checked_url, json_object
from proxy.commands.output import echo_json
from proxy.config import LimitSettings
from proxy.envelope import InvalidAnswer
from proxy.versions.translator import NodeAnswer, Translator, UnexpectedShape

_FAILED, _NO_ANSWER = 1, 3


class LookUps:
    """The further node requests of a conversation: their results come from files or a node, or are missing.

    A node request without a result is added to `missing` and gets an error, so that later ones are found as well.
    """

    def __init__(self, given: dict[tuple[str, bytes], JsonObject], server: ApiClient | None, version: int) -> None:
        self._given = given
        self._server = server
        self._version = version
        self.missing: list[NodeRequest] = []

    async def answer(self, request: NodeRequest) -> JsonObject:
        """The result of one node request. Raises NoAnswer and TextAnswer if there is a node."""
        result = self._given.get(_key(request.method, request.params))
        if result is not None:
            return orjson.loads(orjson.dumps(result))  # type: ignore[no-any-return]  # the adapter may modify it
        if self._server is not None:
            return (await self._server.ask(request.method, request.params, self._version)).result()
        self.missing.append(request)
        return error_result("lgrNotFound")


@click.command(
    short_help="Convert a message between versions.",
    epilog="Exit status: 0 for success, 1 if it cannot be converted or look-ups are missing, 2 for a wrong "
    "command line, 3 if the node does not respond.",
)
@click.option("--method", metavar="METHOD", help="The method of the response.")
@click.option("--from", "source", type=int, required=True, metavar="N", help="The version of the message.")
@click.option("--to", "target", type=int, required=True, metavar="N", help="The version to convert it to.")
@click.option(
    "--params", default="{}", metavar="JSON", help="The request's parameters, as a client of version --to sent them."
)
@click.option("--stream", is_flag=True, help="Convert pushed messages, one after the other, instead of a response.")
@click.option(
    "--look-up",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help='Results of further node requests, each {"method": …, "params": …, "result": …}.',
)
@click.option(
    "--node", metavar="URL", callback=checked_url, help="A node with version --from, for further node requests."
)
@click.option(
    "--server",
    metavar="RELEASE",
    help='The server that sent the message, such as "rippled 1.12.0". The default is that of --node.',
)
@click.option("--json", "lines", is_flag=True, help="Print it on one line, for programs.")
def translate(
    method: str | None,
    source: int,
    target: int,
    params: str,
    stream: bool,
    files: tuple[Path, ...],
    node: str | None,
    server: str | None,
    lines: bool,
) -> None:
    """Convert a response, read from standard input, from one API version to another.

    It may be a result, or a whole JSON-RPC or WebSocket response, whose envelope stays. Node requests that the
    conversion needs are printed, unless --look-up has their results or --node is given.

    \b
      translate --method account_info --from 2 --to 1 < answer.json
      watch transactions --json | translate --stream --from 2 --to 1 --json
    """  # noqa: D301 - click interprets the backspace
    for version in (source, target):
        if not VERSIONS.oldest <= version <= VERSIONS.newest:
            raise click.UsageError(
                f"there are adapters for versions {VERSIONS.oldest} to {VERSIONS.newest}, not {version}"
            )
    if stream == (method is not None):
        raise click.UsageError("--method or --stream is required")
    try:
        release = None if server is None else NodeInfo.from_text(server)
    except ValueError as problem:
        raise click.UsageError(f"--server: {problem}") from None
    if stream:
        _translate_stream(source, target, release, lines)
        return
    given = _read_look_ups(files)
    asked = json_object(params, "--params")
    try:
        answer, missing = uvloop.run(_translate(str(method), asked, source, target, given, node, release))
    except (InvalidAnswer, UnexpectedShape) as problem:
        _leave(f"not a response to {method} in version {source}: {problem}")
    except (NoAnswer, TextAnswer) as problem:
        _leave(str(problem), _NO_ANSWER)
    if missing:
        for request in missing:
            click.echo(orjson.dumps({"method": request.method, "params": request.params}), err=True)
        _leave("needs these look-ups, and perhaps further ones; use --look-up or --node")
    echo_json(answer, lines=lines)


async def _translate(
    method: str,
    params: JsonObject,
    source: int,
    target: int,
    given: dict[tuple[str, bytes], JsonObject],
    node: str | None,
    release: NodeInfo | None,
) -> tuple[JsonObject, list[NodeRequest]]:
    """The response in version `target`, and the node requests without a result."""
    limits = LimitSettings()
    translator = Translator(
        max_subrequests=limits.max_subrequests,
        max_subrequest_bytes=limits.max_subrequest_bytes,
        cache_size=limits.remembered_ledgers,
    )
    put_back: Writing | None = None
    async with AsyncExitStack() as stack:
        server = None if node is None else await stack.enter_async_context(ApiClient(node))
        known = UNKNOWN_NODE if server is None or release else await node_info(server, source)
        look_ups = LookUps(given, server, source)

        async def ask(request: NodeRequest) -> NodeAnswer:
            nonlocal put_back
            # The given response answers the first node request for the method.
            if request.method == method and put_back is None:
                result, put_back = unwrap(_read_input(), method, params, target)
            else:
                result = await look_ups.answer(request)
            return NodeAnswer(result, {}, 0)

        conversation = VERSIONS.pipeline(target, source, method, release or known).converse(params)
        result = (await translator.converse(conversation, source, ask)).result
    return (result if put_back is None else put_back(result)), look_ups.missing


def _translate_stream(source: int, target: int, release: NodeInfo | None, lines: bool) -> None:
    pipeline = VERSIONS.stream_pipeline(target, source, release or UNKNOWN_NODE)
    for message in _messages(sys.stdin.buffer):
        echo_json(pipeline.rewrite(message), lines=lines)


def _messages(stream: BinaryIO) -> Iterator[JsonObject]:
    """A sequence of JSON objects, each on a line or indented, as they arrive."""
    read: list[bytes] = []
    for line in stream:
        read.append(line)
        if line.startswith((b"{", b"}")) and line.rstrip().endswith(b"}"):
            yield _object(b"".join(read), "a message on standard input")
            read.clear()
    if b"".join(read).strip():
        yield _object(b"".join(read), "the last message on standard input")


def _read_input() -> JsonObject:
    return _object(sys.stdin.buffer.read(), "standard input")


def _read_look_ups(files: tuple[Path, ...]) -> dict[tuple[str, bytes], JsonObject]:
    """The results in the files by node request: JSON objects on lines, a single one, or an array of them."""
    found = {}
    for path in files:
        for entry in _entries(path):
            method, params, answer = entry.get("method"), entry.get("params", {}), entry.get("result")
            if not isinstance(method, str) or not isinstance(params, dict) or not isinstance(answer, dict):
                raise click.UsageError(f"{path}: a look-up needs method, params and result")
            try:
                found[_key(method, params)] = unwrap(answer, method, params, 1)[0]
            except InvalidAnswer as unreadable:
                raise click.UsageError(f"{path}: the result for {method}: {unreadable}") from None
    return found


def _entries(path: Path) -> list[JsonObject]:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from None
    read: Callable[[bytes], Any] = orjson.loads
    try:
        value = read(text)
    except orjson.JSONDecodeError:
        try:
            value = [read(line) for line in text.splitlines() if line.strip()]
        except orjson.JSONDecodeError:
            raise click.UsageError(f"{path}: neither JSON nor lines of JSON") from None
    entries: list[Any] = value if isinstance(value, list) else [value]
    if not all(isinstance(entry, dict) for entry in entries):
        raise click.UsageError(f"{path}: contains something other than objects")
    return entries


def _object(text: bytes, what: str) -> JsonObject:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        _leave(f"{what} is not JSON: line {error.lineno}, column {error.colno}")
    if not isinstance(value, dict):
        _leave(f"{what} is not a JSON object")
    return value


def _key(method: str, params: JsonObject) -> tuple[str, bytes]:
    asked = {name: value for name, value in params.items() if name != "api_version"}
    return method, orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)


def _leave(problem: str, status: int = _FAILED) -> NoReturn:
    click.echo(f"translate: {problem}", err=True)
    sys.exit(status)
