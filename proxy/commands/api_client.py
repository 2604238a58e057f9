"""A client of the API, over HTTP or one WebSocket, that returns responses as they were received."""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NoReturn, Self
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import click
import orjson

import proxy
from adapters import JsonObject, NodeInfo
from adapters.node import UNKNOWN_NODE
from proxy.config import shown_url
from proxy.envelope import InvalidAnswer, node_message, node_request, read_jsonrpc_answer, read_websocket_answer
from proxy.envelope.secrets import MASK, SECRETS
from proxy.versions.negotiation import read_version_range

ANSWER_BYTES = 256 * 1024 * 1024
"""The largest response accepted, as by rippled's own command line."""
SILENCE_SECONDS = 20.0
"""Seconds of silence on a WebSocket until the server is pinged; without a pong within half of that it is gone."""
_CLOSE_SECONDS = 2.0
"""Seconds to wait for the server's close frame when a command ends."""

TRANSPORTS = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_OK = 200
_LINE = 200
"""Most characters of a line of text to show."""

ERROR_STATUS, _NO_RESPONSE_STATUS = 1, 3
"""Exit status of a command whose request got an error, or no usable response."""


class NoAnswer(Exception):
    """There was no usable response. The text says why, and contains nothing of the request."""


class TextAnswer(Exception):
    """The server responded with a line of text: it could not parse the request, forbids it, or is overloaded."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"HTTP {status}: {text}")
        self.status = status
        self.text = text


@contextmanager
def exit_on_failure() -> Iterator[None]:
    """Print TextAnswer and NoAnswer to standard error, and exit with their status."""
    try:
        yield
    except TextAnswer as text:
        click.echo(str(text), err=True)
        sys.exit(ERROR_STATUS)
    except NoAnswer as none:
        click.echo(f"no response: {none}", err=True)
        sys.exit(_NO_RESPONSE_STATUS)


@dataclass(frozen=True, slots=True)
class Answer:
    """One response: `message` is the whole JSON object, `size` its bytes."""

    size: int
    message: JsonObject = field(repr=False)
    _body: bytes = field(repr=False)
    _status: int | None = None

    @property
    def status(self) -> int | None:
        """The HTTP status; None over WebSocket."""
        return self._status

    def result(self) -> JsonObject:
        """The result without its envelope, parsed again so that the caller may change it. Raises NoAnswer."""
        try:
            if self._status is None:
                return read_websocket_answer(orjson.loads(self._body))[0]
            return read_jsonrpc_answer(self._status, self._body)[0]
        except InvalidAnswer as unreadable:
            raise NoAnswer(f"the response is invalid: {unreadable}") from None

    def shown(self) -> JsonObject:
        """The whole response for display, with secrets masked in an error's echo of the request."""
        shown = dict(self.message)
        for name in ("result", "error"):
            if isinstance(shown.get(name), dict):
                shown[name] = _without_secrets(shown[name])
        return _without_secrets(shown)


def _without_secrets(holder: JsonObject) -> JsonObject:
    request = holder.get("request")
    return {**holder, "request": _masked(request)} if isinstance(request, dict) else holder


def _masked(value: Any) -> Any:
    """At any depth: Clio echoes the whole request, with the parameters inside."""
    if isinstance(value, dict):
        return {name: MASK if name.lower() in SECRETS else _masked(member) for name, member in value.items()}
    return [_masked(element) for element in value] if isinstance(value, list) else value


class ApiClient:
    """One server, within `async with`; one request at a time.

    `url`: `http`, `https`, `ws` or `wss`. `websocket`: over one connection of that kind, whatever the URL says; a
    `ws` or `wss` URL says so by itself. `seconds`: for a connection, and for each response.
    """

    def __init__(self, url: str, *, websocket: bool = False, seconds: float = 30.0) -> None:
        parts = urlsplit(url)
        self.websocket = websocket or parts.scheme in ("ws", "wss")
        # aiohttp opens a WebSocket at an http URL too.
        self._url = urlunsplit(parts._replace(scheme=TRANSPORTS[parts.scheme], path=parts.path or "/"))
        self._shown = shown_url(url)
        self._seconds = seconds
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._next_id = 1

    async def __aenter__(self) -> Self:
        """Raises NoAnswer if a WebSocket cannot be opened."""
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=4, keepalive_timeout=2.5),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Content-Type": "application/json", "User-Agent": f"xrpl-version-proxy/{proxy.__version__}"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._seconds),
        )
        try:
            if self.websocket:
                async with asyncio.timeout(self._seconds):
                    self._socket = await self._http.ws_connect(
                        self._url,
                        timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_SECONDS),
                        heartbeat=SILENCE_SECONDS,
                        max_msg_size=ANSWER_BYTES,
                    )
        except (aiohttp.ClientError, OSError) as error:
            await self._http.close()
            self._failed(error)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._http is not None:
            await self._http.close()

    async def ask(self, method: str, params: JsonObject, api_version: int) -> Answer:
        """Make a request and return the response, which may be an error. Raises NoAnswer and TextAnswer."""
        try:
            async with asyncio.timeout(self._seconds):
                if self.websocket:
                    return await self._ask_websocket(method, params, api_version)
                return await self._ask_http(method, params, api_version)
        except (aiohttp.ClientError, OSError) as error:
            self._failed(error)

    async def _ask_http(self, method: str, params: JsonObject, api_version: int) -> Answer:
        if self._http is None:
            raise RuntimeError("not entered")
        body = node_request(method, params, api_version)
        async with self._http.post(self._url, data=body, allow_redirects=False) as response:
            chunks, size = [], 0
            async for chunk in response.content.iter_any():
                chunks.append(chunk)
                size += len(chunk)
                if size > ANSWER_BYTES:
                    raise NoAnswer(f"{self._shown}: the response is larger than {ANSWER_BYTES} bytes")
        body = b"".join(chunks)
        try:
            message = orjson.loads(body)
        except orjson.JSONDecodeError:
            if response.status == _OK:
                raise NoAnswer(f"{self._shown}: the response is not JSON; is this a node?") from None
            line = body[:_LINE].decode(errors="replace").strip().split("\n", 1)[0]
            raise TextAnswer(response.status, line or response.reason or "") from None
        if not isinstance(message, dict):
            raise NoAnswer(f"{self._shown}: the response is not a JSON object")
        return Answer(size, message, body, response.status)

    async def _ask_websocket(self, method: str, params: JsonObject, api_version: int) -> Answer:
        if self._socket is None:
            raise RuntimeError("not entered")
        own_id, self._next_id = self._next_id, self._next_id + 1
        await self._socket.send_str(node_message(method, params, api_version, own_id).decode())
        while True:
            message, body = await self._receive(self._socket)
            if message.get("type") in ("response", "error") and message.get("id", own_id) == own_id:
                return Answer(len(body), message, body)

    async def pushed(self, seconds: float | None = None) -> JsonObject:
        """The next pushed message; waits at most `seconds`. Raises NoAnswer, TimeoutError."""
        if self._socket is None:
            raise RuntimeError("not a WebSocket")
        try:
            async with asyncio.timeout(seconds):
                return (await self._receive(self._socket))[0]
        except aiohttp.ClientError as error:
            self._failed(error)

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> tuple[JsonObject, bytes]:
        received = await socket.receive()
        if received.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            why = f" with code {socket.close_code}" if socket.close_code else ""
            raise NoAnswer(f"{self._shown}: the connection was closed{why}")
        body: bytes = received.data.encode() if isinstance(received.data, str) else received.data
        try:
            message = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise NoAnswer(f"{self._shown}: a message is not JSON") from None
        if not isinstance(message, dict):
            raise NoAnswer(f"{self._shown}: a message is not a JSON object")
        return message, body

    def _failed(self, error: Exception) -> NoReturn:
        raise NoAnswer(f"{self._shown}: {failure_reason(error, self._seconds)}") from None


def failure_reason(error: Exception, seconds: float) -> str:
    """Why there was no response, for an error of aiohttp's or the system's; `seconds`: the time allowed for it."""
    if isinstance(error, TimeoutError):
        return f"no response within {seconds:g} seconds"
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"refuses WebSocket connections (HTTP {error.status})"
    if isinstance(error, aiohttp.ClientSSLError):
        return "no trusted TLS connection could be made"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        return f"cannot be reached: {os.strerror(number).lower() if number and number > 0 else 'no such host'}"
    return f"the connection failed ({type(error).__name__})"


async def version_range(server: ApiClient) -> tuple[int, int]:
    """The lowest and highest API version of the server, as reported by `version` in version 2 (XLS-22).

    A server with only version 1 refuses version 2, responds in version 1's form, or does not have `version`.
    Raises NoAnswer and TextAnswer.
    """
    try:
        result = (await server.ask("version", {}, 2)).result()
    except TextAnswer as text:
        if text.text.startswith("invalid_API_version"):
            return 1, 1
        raise
    versions = read_version_range(result)
    if versions is not None:
        return versions.min, versions.max
    error = result.get("error")
    if error in ("invalid_API_version", "unknownCmd"):
        return 1, 1
    raise NoAnswer(f"the server does not report its API versions ({error or 'unexpected response'})")


async def node_info(server: ApiClient, api_version: int) -> NodeInfo:
    """The server's software and release, requested in one of its API versions; unknown if it does not report them.

    Raises NoAnswer and TextAnswer.
    """
    info = (await server.ask("server_info", {}, api_version)).result().get("info")
    return NodeInfo.from_server_info(info) if isinstance(info, dict) else UNKNOWN_NODE
