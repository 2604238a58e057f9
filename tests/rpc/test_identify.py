"""Whose request it is, and the warning about a local proxy that is not trusted."""

import sys
from ipaddress import ip_network
from typing import Any

import pytest
from structlog.testing import LogCapture

from proxy.config import Settings
from proxy.http.head_parser import parse_cached_head
from proxy.http.request import Head
from proxy.rpc.identify import ClientIdentifier
from proxy.telemetry.client_usage import ClientUsage

LOOPBACK = ip_network("127.0.0.0/8")


def identifier(*trusted: Any) -> ClientIdentifier:
    return ClientIdentifier(trusted, ClientUsage("full", 1, 10, trusted, lambda: 0.0), "127.0.0.1:80")


@pytest.mark.parametrize("headers", [{"x-forwarded-for": "192.0.2.1"}, {"forwarded": "for=192.0.2.1"}])
def test_a_local_proxy_that_is_not_trusted_is_warned_of_once(lines: LogCapture, headers: dict[str, str]) -> None:
    clients = identifier()
    assert {clients.identify("127.0.0.1", headers).address for _ in range(5)} == {"127.0.0.1"}
    assert [(line["event"], line["listener"]) for line in lines.entries] == [
        ("forwarded_header_from_untrusted_peer", "127.0.0.1:80")
    ]


def test_nothing_else_is_warned_of(lines: LogCapture) -> None:
    forwarded = {"x-forwarded-for": "192.0.2.1"}
    assert identifier(LOOPBACK).identify("127.0.0.1", forwarded).address == "192.0.2.1"
    assert identifier(LOOPBACK).identify("127.0.0.1", {"x-forwarded-for": "unknown"}).address == "127.0.0.1"
    assert identifier().identify("198.51.100.1", forwarded).address == "198.51.100.1"
    assert identifier().identify("127.0.0.1", {}).address == "127.0.0.1"
    assert lines.entries == []


def test_only_a_head_that_comes_again_is_remembered() -> None:
    clients = identifier()
    parsed = parse_cached_head(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    assert parsed is not None
    shared, other = parsed[0], Head("POST", b"/", {"x-large": "x" * 30_000}, is_1_1=True, keep_alive=True)
    before = [sys.getrefcount(head) for head in (shared, other)]
    assert clients.identify_by_head("192.0.2.1", shared) == clients.identify_by_head("192.0.2.1", other)
    assert [sys.getrefcount(head) for head in (shared, other)] == [before[0] + 1, before[1]]


def test_loopback_is_not_exempt_from_limits() -> None:
    assert Settings.model_validate({"nodes": [{"name": "a", "http": "http://127.0.0.1:9"}]}).limits.exempt == ()
