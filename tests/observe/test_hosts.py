"""Which `Host` the observe address answers to."""

import asyncio
import socket

import aiohttp
import pytest

from proxy.observe.hosts import AllowedHosts
from tests.support.observing import observing
from tests.support.start import StartNode, StartProxy


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.0.0.1:9652", "10.1.2.3:9652", "[::1]:9652", "[fd00::7]", "localhost", "LOCALHOST:9652"),
        *("proxy:9652", "proxy.xrpl.svc:9652", "proxy.xrpl.svc.cluster.local", "proxy.internal", "a.localhost:1"),
        *("proxy.example.com", "Proxy.Example.Com.:443", "a.ops.example.com", f"{socket.gethostname()}:9652", None),
    ],
)
def test_addresses_names_of_a_cluster_and_configured_names_are_allowed(host: str | None) -> None:
    assert AllowedHosts(["proxy.example.com", "*.ops.example.com"]).allows(host)


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:9652", "127.0.0.1.evil.example", "localhost.evil.example", "evil.com."),
        *("a.proxy.example.com", "xproxy.example.com", "ops.example.com", "svc.evil.example", "[::1].evil.example"),
    ],
)
def test_names_that_anyone_can_register_are_not(host: str) -> None:
    assert not AllowedHosts(["proxy.example.com", "*.ops.example.com"]).allows(host)


@pytest.mark.parametrize("path", ["/", "/metrics", "/clients", "/summary", "/retiring", "/ready", "/health", "/spec"])
async def test_a_rebound_name_reads_nothing(demo_node: StartNode, proxy: StartProxy, path: str) -> None:
    served = await proxy(await demo_node(2), observe={"host": "127.0.0.1", "port": 0, "allowed_hosts": ["ops.example"]})
    async with aiohttp.ClientSession() as http:
        async with http.get(served.observe_url + path, headers={"Host": "evil.example:9652"}) as answer:
            assert answer.status == 421
            text = await answer.text()
            assert "observe.allowed_hosts" in text
            assert "evil" not in text
        async with http.get(served.observe_url + path, headers={"Host": "ops.example:9652"}) as answer:
            assert answer.status == 200


async def test_probes_by_address_and_requests_without_a_host_are_answered() -> None:
    async with observing() as (session, server):
        async with session.get("/health", headers={"Host": "10.244.0.17:9652"}) as answer:
            assert answer.status == 200
        port = int(server.url.rsplit(":", 1)[1])
        with socket.socket() as client:
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, ("127.0.0.1", port))
            await loop.sock_sendall(client, b"GET /health HTTP/1.0\r\n\r\n")
            assert b" 200 " in await loop.sock_recv(client, 1000)
