"""nginx and HAProxy before the proxy: taken by the real programs, and asked through, over HTTP and WebSocket."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from proxy.demo import DemoNode
from proxy.server.proxy import Proxy
from tests.support.certificates import Certificate
from tests.support.installed import DEPLOY, output_of, running
from tests.support.start import StartNode, StartProxy

NGINX = DEPLOY / "nginx" / "xrpl-version-proxy.conf"
HAPROXY = DEPLOY / "haproxy" / "haproxy.cfg"

# The client comes from another address than the TLS proxy has, so that one cannot be taken for the other.
CLIENT = "127.0.0.2"
FORGED = {"X-Forwarded-For": "192.0.2.66", "Forwarded": "for=192.0.2.66", "X-User": "root"}
ALICE = {"account": "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY", "signer_lists": True}


def nginx_files(folder: Path, certificate: Certificate, port: int, proxy_port: int) -> Path:
    """A whole configuration around the example, which is as it is but for names and ports."""
    example = _filled(
        NGINX.read_text(),
        {
            "server 127.0.0.1:51233;": f"server 127.0.0.1:{proxy_port};",
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "    listen [::]:443 ssl http2;\n": "",
            "/etc/ssl/xrpl/fullchain.pem": str(certificate.certificate),
            "/etc/ssl/xrpl/privkey.pem": str(certificate.key),
        },
    )
    (folder / "example.conf").write_text(example)
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = folder / "nginx.conf"
    whole.write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log stderr notice; events {{}}\n"
        f"http {{ access_log off; {temporary} include {folder}/example.conf; }}\n"
    )
    return whole


def haproxy_files(folder: Path, certificate: Certificate, port: int, proxy_port: int) -> Path:
    both = folder / "both.pem"
    both.write_text(certificate.certificate.read_text() + certificate.key.read_text())
    whole = folder / "haproxy.cfg"
    whole.write_text(
        _filled(
            HAPROXY.read_text(),
            {
                "bind :443 ": f"bind 127.0.0.1:{port} ",
                "/etc/haproxy/certs/xrpl.pem": str(both),
                "10.0.0.10:51233": f"127.0.0.1:{proxy_port}",
                "    server proxy-2 10.0.0.11:51233\n": "",
            },
        )
    )
    return whole


def _filled(text: str, values: dict[str, str]) -> str:
    for example, real in values.items():
        assert text.count(example) == 1, example
        text = text.replace(example, real)
    return text


def test_nginx_takes_the_example(tmp_path: Path, certificate: Certificate) -> None:
    assert "successful" in output_of("nginx", "-t", "-c", nginx_files(tmp_path, certificate, 8443, 51233))


def test_haproxy_takes_the_example(tmp_path: Path, certificate: Certificate) -> None:
    output_of("haproxy", "-c", "-f", haproxy_files(tmp_path, certificate, 8443, 51233))


@asynccontextmanager
async def through(
    name: str, folder: Path, certificate: Certificate, proxy: Proxy, port: int
) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """A client of the TLS proxy called `name` before `proxy`, once that lets it through."""
    files: Callable[..., Path] = nginx_files if name == "nginx" else haproxy_files
    path = files(folder, certificate, port, int(proxy.http_url.rstrip("/").rpartition(":")[2]))
    options = ["-c", str(path)] if name == "nginx" else ["-db", "-f", str(path)]
    trusted = ssl.create_default_context(cafile=certificate.certificate)
    connector = aiohttp.TCPConnector(ssl=trusted, local_addr=(CLIENT, 0))
    url = f"https://127.0.0.1:{port}/"
    async with running(name, *options), aiohttp.ClientSession(connector=connector) as http:
        async with asyncio.timeout(20):
            while True:
                if await _ready(http, url):
                    break
                await asyncio.sleep(0.1)
        yield http, url


async def _ready(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url) as response:
            return response.status == 200
    except aiohttp.ClientConnectionError:
        return False


def told_of_clients(node: DemoNode, transport: str) -> set[tuple[str | None, str | None, str | None]]:
    """The client that a node sees: X-Forwarded-For, X-User, and whether a forged Forwarded reaches it."""
    return {
        (seen.headers.get("X-Forwarded-For"), seen.headers.get("X-User"), _forged(seen.headers.get("Forwarded")))
        for seen in node.seen
        if seen.transport == transport and b"account_info" in seen.body
    }


def _forged(forwarded: str | None) -> str | None:
    return forwarded if forwarded and "192.0.2.66" in forwarded else None


@pytest.mark.parametrize("name", ["nginx", "haproxy"])
async def test_clients_are_served_through_it_and_the_node_knows_them(
    name: str,
    demo_node: StartNode,
    proxy: StartProxy,
    tmp_path: Path,
    certificate: Certificate,
    unused_tcp_port: int,
) -> None:
    node = await demo_node(2)
    served = await proxy(node, guard={"trusted_proxies": ["127.0.0.1/32"]})
    async with through(name, tmp_path, certificate, served, unused_tcp_port) as (http, url):
        request: dict[str, Any] = {"method": "account_info", "params": [ALICE]}
        async with http.post(url, json=request, headers=FORGED) as response:
            answer = await response.json()
        # A client without a version is one of version 1, and the node has only version 2.
        assert answer["result"]["account_data"]["signer_lists"]

        async with http.ws_connect(url, headers=FORGED) as session:
            await session.send_json({"id": 1, "command": "account_info", **ALICE, "api_version": 1})
            pushed = await session.receive_json(timeout=10)
            assert pushed["result"]["account_data"]["signer_lists"]
    assert told_of_clients(node, "http") == {(CLIENT, None, None)}
    assert told_of_clients(node, "websocket") == {(CLIENT, None, None)}
