"""The opening handshake of a WebSocket, from the server's side (RFC 6455, section 4; compression: RFC 7692)."""

import base64
import binascii
import hashlib
import re
from typing import NamedTuple

from proxy.http.request import Head
from proxy.http.response import REQUEST_ID, SERVER

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_VERSION = "13"
_EXTENSION = "permessage-deflate"
_PARAMETER = re.compile(r'([a-z_]+)(?:[ \t]*=[ \t]*("?)([89]|1[0-5])\2)?')
_HAS_VALUE = {
    "server_no_context_takeover": (False,),
    "client_no_context_takeover": (False,),
    "server_max_window_bits": (True,),
    "client_max_window_bits": (False, True),
}
"""The parameters of an offer: whether they may have a value (RFC 7692, 7.1)."""
_MOST_OFFERS = 16
"""Offers that are looked at: a browser makes one."""
_MIN_WINDOW_BITS, _MAX_WINDOW_BITS = 9, 15
"""zlib has no smaller window."""


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
    """How to compress for the client: as the first of its offers that is valid and possible; without one, not at all.

    As in rippled (`pmd_extension.ipp`), an offer with an unknown, repeated or invalid parameter is declined.
    """
    for offer in head.headers.get("sec-websocket-extensions", "").split(",", _MOST_OFFERS)[:_MOST_OFFERS]:
        name, *parameters = (part.strip(" \t").lower() for part in offer.split(";", len(_HAS_VALUE) + 1))
        if name == _EXTENSION and (accepted := _accept(parameters)).window_bits:
            return accepted
    return Compression()


def _accept(parameters: list[str]) -> Compression:
    """The compression that an offer with these parameters gets: none if it is to be declined."""
    accepted, seen = Compression(_MAX_WINDOW_BITS), set[str]()
    for parameter in parameters:
        found = _PARAMETER.fullmatch(parameter)
        if found is None or found[1] in seen or (found[3] is not None) not in _HAS_VALUE.get(found[1], ()):
            return Compression()
        seen.add(found[1])
        if found[1] == "server_max_window_bits":
            accepted = accepted._replace(window_bits=int(found[3]))
    accepted = accepted._replace(alone="server_no_context_takeover" in seen)
    return accepted if accepted.window_bits >= _MIN_WINDOW_BITS else Compression()


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
        extension = [_EXTENSION]
        if compression.window_bits < _MAX_WINDOW_BITS:
            extension.append(f"server_max_window_bits={compression.window_bits}")
        if compression.alone:
            extension.append("server_no_context_takeover")
        # So that no context of what a client sends has to be stored. Every client has to support it (7.1.1.2).
        extension.append("client_no_context_takeover")
        lines.append(f"Sec-WebSocket-Extensions: {'; '.join(extension)}")
    if request_id:
        lines.append(f"{REQUEST_ID}: {request_id}")
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii")
