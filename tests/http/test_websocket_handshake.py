"""Which handshakes become a WebSocket, and how its messages are compressed."""

import pytest

from proxy.http.request import Head
from proxy.http.websocket_handshake import (
    Compression,
    accept_key,
    accept_response,
    is_handshake,
    is_other_version,
    negotiate_compression,
)

HEADERS = {
    "host": "x",
    "upgrade": "websocket",
    "connection": "keep-alive, Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def head(**changed: str) -> Head:
    headers = {**HEADERS, **{name.replace("_", "-"): value for name, value in changed.items()}}
    return Head("GET", b"/", {name: value for name, value in headers.items() if value}, is_1_1=True, keep_alive=True)


def test_the_example_of_the_rfc() -> None:
    assert is_handshake(head())
    assert accept_key(HEADERS["sec-websocket-key"].encode()) == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    response = accept_response(head(), Compression(), "a-1")
    assert response.startswith(b"HTTP/1.1 101 ")
    assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in response
    assert b"\r\nX-Request-Id: a-1\r\n" in response
    assert b"Extensions" not in response


@pytest.mark.parametrize(
    "changed",
    [
        {"host": ""},
        {"connection": "keep-alive"},
        {"connection": ""},
        {"sec_websocket_key": ""},
        {"sec_websocket_key": "AAAA"},
        {"sec_websocket_key": "no base64 at all"},
        {"sec_websocket_key": "\udcff"},
        {"sec_websocket_version": ""},
        {"sec_websocket_version": "8"},
    ],
)
def test_other_requests_are_no_handshake(changed: dict[str, str]) -> None:
    assert not is_handshake(head(**changed))
    assert is_other_version(head(**changed)) is (changed == {"sec_websocket_version": "8"})


@pytest.mark.parametrize(
    ("offer", "negotiated", "answer"),
    [
        ("", Compression(), None),
        ("x-webkit-deflate-frame", Compression(), None),
        ("permessage-deflate", Compression(15), b"permessage-deflate"),
        ("permessage-deflate; client_max_window_bits", Compression(15), b"permessage-deflate"),
        (
            "permessage-deflate; server_max_window_bits=10; server_no_context_takeover",
            Compression(10, alone=True),
            b"permessage-deflate; server_max_window_bits=10; server_no_context_takeover",
        ),
        ("permessage-deflate; server_max_window_bits=8", Compression(), None),
        ("permessage-deflate; server_max_window_bits=" + "9" * 5_000, Compression(), None),
        ("permessage-deflate; server_max_window_bits", Compression(), None),
        ("permessage-deflate; server_max_window_bits=07", Compression(), None),
        ("permessage-deflate; server_max_window_bits=\u0661\u0660", Compression(), None),
        ("permessage-deflate; client_max_window_bits=99", Compression(), None),
        ("permessage-deflate; client_max_window_bits=", Compression(), None),
        ("permessage-deflate; client_max_window_bits; client_max_window_bits", Compression(), None),
        ("permessage-deflate; client_no_context_takeover=1", Compression(), None),
        ("permessage-deflate; server_no_context_takeover; SERVER_NO_CONTEXT_TAKEOVER", Compression(), None),
        ("permessage-deflate; unknown", Compression(), None),
        ("permessage-deflate;", Compression(), None),
        ("permessage-deflate2", Compression(), None),
        ("Permessage-Deflate; Client_Max_Window_Bits = 8", Compression(15), b"permessage-deflate"),
        ('permessage-deflate; client_max_window_bits="10"', Compression(15), b"permessage-deflate"),
        ("x," * 15 + "permessage-deflate", Compression(15), b"permessage-deflate"),
        ("x," * 16 + "permessage-deflate", Compression(), None),
        ("x, permessage-deflate; y, permessage-deflate", Compression(15), b"permessage-deflate"),
        (
            "permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=9",
            Compression(9),
            b"permessage-deflate; server_max_window_bits=9",
        ),
        (
            "permessage-deflate; client_max_window_bits=99, permessage-deflate; server_no_context_takeover",
            Compression(15, alone=True),
            b"permessage-deflate; server_no_context_takeover",
        ),
    ],
)
def test_compression(offer: str, negotiated: Compression, answer: bytes | None) -> None:
    offered = head(sec_websocket_extensions=offer)
    assert negotiate_compression(offered) == negotiated
    response = accept_response(offered, negotiated, "")
    if answer is None:
        assert b"Sec-WebSocket-Extensions" not in response
    else:
        assert b"\r\nSec-WebSocket-Extensions: " + answer + b"; client_no_context_takeover\r\n" in response
