"""Whose request it is, and the warning about a local proxy that is not trusted."""

from ipaddress import ip_network
from typing import Any

import pytest
from structlog.testing import LogCapture

from proxy.config import Settings
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


def test_loopback_is_not_exempt_from_limits() -> None:
    assert Settings.model_validate({"nodes": [{"name": "a", "http": "http://127.0.0.1:9"}]}).limits.exempt == ()
