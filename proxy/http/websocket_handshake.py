"""The opening handshake of a WebSocket, from the server's side (RFC 6455, section 4; compression: RFC 7692)."""

import base64
import binascii
import hashlib
from typing import NamedTuple

from aiohttp.http import ws_ext_gen, ws_ext_parse

from proxy.http.request import Head
from proxy.http.response import REQUEST_ID, SERVER

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_VERSION = "13"


class Compression(NamedTuple):
    """How messages to a client are compressed. `window_bits`: of its window, 9 to 15; 0 if they are not compressed.

    `alone`: each by itself, without the context of those before it.
    """

    window_bits: int = 0
    alone: bool = False


def accept_key(key: bytes) -> bytes:
    """The `Sec-WebSocket-Accept` of a response to a handshake with this `Sec-WebSocket-Key`."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


def is_other_version(head: Head) -> bool:
    """Whether the handshake is for another version of the protocol than the only one in use."""
    return head.headers.get("sec-websocket-version", _VERSION) != _VERSION


def is_handshake(head: Head) -> bool:
    """Whether a request with `Upgrade: websocket` is a valid handshake."""
    headers = head.headers
    connection = {token.strip().lower() for token in headers.get("connection", "").split(",")}
    if (
        not head.is_1_1
        or "host" not in headers
        or "upgrade" not in connection
        or headers.get("sec-websocket-version") != _VERSION
    ):
        return False
    try:
        return len(base64.b64decode(headers.get("sec-websocket-key", ""), validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def negotiate_compression(head: Head) -> Compression:
    """How to compress for the client: as it offers; not at all if it offers nothing that is possible."""
    try:
        return Compression(*ws_ext_parse(head.headers.get("sec-websocket-extensions"), isserver=True))
    except ValueError:  # a window size of more digits than `int` reads
        return Compression()


def accept_response(head: Head, compression: Compression, request_id: str) -> bytes:
    """The response that makes the connection of a valid handshake a WebSocket."""
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        f"Server: {SERVER}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept_key(head.headers['sec-websocket-key'].encode()).decode()}",
    ]
    if compression.window_bits:
        extension = ws_ext_gen(compression.window_bits, isserver=True, server_notakeover=compression.alone)
        # So that no context of what a client sends has to be stored. Every client has to support it (7.1.1.2).
        lines.append(f"Sec-WebSocket-Extensions: {extension}; client_no_context_takeover")
    if request_id:
        lines.append(f"{REQUEST_ID}: {request_id}")
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii")
