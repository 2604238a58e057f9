"""docs/coming-from.md as an operator follows it: the proxy is put in front of what runs, and taken away again."""

import asyncio
import re
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from configparser import ConfigParser
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from proxy.config import Settings
from proxy.demo import DemoClio, DemoNode
from proxy.server.proxy import Proxy
from tests.support.installed import DOCS, running, said

ALICE = {"account": "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY", "signer_lists": True}
CLIO_ACCOUNT = {"account": "rBhhEdrpUzAZWtxFqamiVNGsP8GE3JBLCo", "signer_lists": True}

Serves = Callable[[dict[str, Any]], bool]
"""Whether a response is one that only the proxy can have given."""


def blocks(section: str, language: str) -> list[str]:
    """The code in one language of a section of the page."""
    text = (DOCS / "coming-from.md").read_text().split(f"## {section}\n")[1].split("\n## ")[0]
    return re.findall(rf"^```{language}\n(.+?)^```$", text, re.MULTILINE | re.DOTALL)


def with_ports(text: str, ports: dict[str, int]) -> str:
    """The text with each address of the page, such as `127.0.0.1:5005`, replaced by a port of this machine."""
    for address, port in ports.items():
        assert address in text, address
        text = text.replace(address, f"127.0.0.1:{port}")
    return text


@asynccontextmanager
async def proxy_of(text: str, ports: dict[str, int], listen: list[int]) -> AsyncIterator[Proxy]:
    """A proxy with the page's configuration, listening on other ports."""
    sections = yaml.safe_load(with_ports(text, ports))
    sections["listen"] = [{"host": "127.0.0.1", "port": port} for port in listen]
    served = Proxy(Settings.model_validate({**sections, "observe": {"host": "127.0.0.1", "port": 0}}))
    await served.start()
    try:
        yield served
    finally:
        await served.stop()


async def posted(http: aiohttp.ClientSession, url: str, params: dict[str, Any]) -> dict[str, Any]:
    async with http.post(url, json={"method": "account_info", "params": [params]}) as response:
        text = await response.text()
        found: dict[str, Any] = await response.json(content_type=None) if text.startswith("{") else {"error": text}
        return found


async def sent(http: aiohttp.ClientSession, url: str, params: dict[str, Any]) -> dict[str, Any]:
    async with http.ws_connect(url) as socket:
        await socket.send_json({"id": 1, "command": "account_info", **params})
        found: dict[str, Any] = await socket.receive_json(timeout=10)
        return found


async def until(url: str, params: dict[str, Any], *, proxied: bool, serves: Serves) -> None:
    """Returns when the proxy gives, or no longer gives, the responses to new connections, over HTTP and WebSocket."""
    async with asyncio.timeout(20):
        for send in (posted, sent):
            while True:
                async with aiohttp.ClientSession() as http:
                    try:
                        if serves(await send(http, url, params)) is proxied:
                            break
                    except (aiohttp.ClientError, TypeError):
                        pass  # not started yet
                await asyncio.sleep(0.05)


@asynccontextmanager
async def load(url: str, params: dict[str, Any]) -> AsyncIterator[None]:
    """Requests, one after the other on new connections, each of which has to get a response of the XRP Ledger's API."""
    ending = asyncio.Event()
    count = 0

    async def send() -> None:
        nonlocal count
        while not ending.is_set():
            async with aiohttp.ClientSession() as http:
                answer = await posted(http, url, params)
            assert "result" in answer or "invalid_API_version" in answer["error"], answer
            count += 1

    sending = asyncio.create_task(send())
    try:
        yield
    finally:
        ending.set()
        await sending
    assert count > 5


def is_version_1(answer: dict[str, Any]) -> bool:
    """A version 1 client's response; the nodes here have version 2 only."""
    return "signer_lists" in answer.get("result", {}).get("account_data", {})


def nginx_files(folder: Path, text: str) -> None:
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {folder}/pid; error_log stderr notice; events {{}}\n"
        f"http {{ access_log off; {temporary}\n{text}\n}}\n"
    )


async def test_nginx_in_front_of_rippled(tmp_path: Path, unused_tcp_port_factory: Callable[[], int]) -> None:
    before, upstreams = blocks("nginx in front of rippled", "nginx")
    (configuration,) = blocks("nginx in front of rippled", "yaml")
    public, own = unused_tcp_port_factory(), unused_tcp_port_factory()
    url = f"http://127.0.0.1:{public}/"
    async with DemoNode(2) as node, aiohttp.ClientSession() as http:
        ports = {"127.0.0.1:5005": port_of(node.http_url), "127.0.0.1:6006": port_of(node.websocket_url)}
        before = before.replace("listen 80;", f"listen 127.0.0.1:{public};")
        rest = [line for line in before.splitlines() if not line.startswith("upstream")]
        after = with_ports(upstreams, {"127.0.0.1:51233": own}) + "\n".join(rest)
        before = with_ports(before, ports)
        nginx_files(tmp_path, before)
        async with running("nginx", "-c", tmp_path / "nginx.conf") as nginx, proxy_of(configuration, ports, [own]):
            await until(url, ALICE, proxied=False, serves=is_version_1)
            async with load(url, {**ALICE, "api_version": 2}):
                for text, proxied in ((after, True), (before, False)):
                    nginx_files(tmp_path, text)
                    nginx.send_signal(signal.SIGHUP)  # what `nginx -s reload` sends
                    await until(url, ALICE, proxied=proxied, serves=is_version_1)
                    if proxied:
                        node.seen.clear()
                        await posted(http, url, ALICE)
                        assert {seen.headers.get("X-Forwarded-For") for seen in node.seen} >= {"127.0.0.1"}


async def test_a_bare_rippled(unused_tcp_port_factory: Callable[[], int]) -> None:
    before, after = map(ports_of, blocks("A bare rippled", "ini"))
    (configuration,) = blocks("A bare rippled", "yaml")
    assert [{"port": port} for port in sorted(before)] == yaml.safe_load(configuration)["listen"]
    public_http, public_ws, inner_http, inner_ws = (unused_tcp_port_factory() for _ in range(4))
    assert list(before.values()) == list(after.values()) == ["http", "ws"]
    ports = dict(zip([f"127.0.0.1:{port}" for port in after], [inner_http, inner_ws], strict=True))
    url_http, url_ws = f"http://127.0.0.1:{public_http}/", f"http://127.0.0.1:{public_ws}/"

    async with aiohttp.ClientSession() as http:

        async def outcome() -> tuple[bool, bool]:
            return is_version_1(await posted(http, url_http, ALICE)), is_version_1(await sent(http, url_ws, ALICE))

        async with DemoNode(2, http_port=public_http, websocket_port=public_ws):
            assert await outcome() == (False, False)
        async with (
            DemoNode(2, http_port=inner_http, websocket_port=inner_ws),
            proxy_of(configuration, ports, [public_ws, public_http]),
        ):
            assert await outcome() == (True, True)
        async with DemoNode(2, http_port=public_http, websocket_port=public_ws):
            assert await outcome() == (False, False)


def ports_of(text: str) -> dict[int, str]:
    """The protocol of each port in a piece of rippled.cfg; an administrator has none of them."""
    sections = ConfigParser()
    sections.read_string(text)
    assert not any("admin" in section for section in sections.values())
    return {int(section["port"]): section["protocol"] for name, section in sections.items() if name != "DEFAULT"}


async def test_clio_with_haproxy(tmp_path: Path, unused_tcp_port_factory: Callable[[], int]) -> None:
    before, backend = blocks("Clio with HAProxy", "haproxy")
    (configuration,) = blocks("Clio with HAProxy", "yaml")
    public, own, other = (unused_tcp_port_factory() for _ in range(3))
    url = f"http://127.0.0.1:{public}/v2"
    async with DemoClio() as clio, DemoClio() as second:
        ports = {"10.0.0.6:51233": port_of(clio.http_url), "10.0.0.7:51233": port_of(second.http_url)}
        before = with_ports(before, ports).replace("bind :80", f"bind 127.0.0.1:{public}")
        after = before.split("backend clio\n")[0] + with_ports(
            backend, {"10.0.0.10:51233": own, "10.0.0.11:51233": other}
        )
        trial = before + f"    server proxy-1 127.0.0.1:{own} check\n"
        file = tmp_path / "haproxy.cfg"
        file.write_text(haproxy_text(before))
        trusted = configuration.replace("10.0.0.4/32", "127.0.0.1/32")
        async with (
            running("haproxy", "-W", "-db", "-f", file) as haproxy,
            proxy_of(trusted, ports, [own, other]) as served,
        ):
            await until(url, CLIO_ACCOUNT, proxied=False, serves=is_version_2)
            async with load(url, CLIO_ACCOUNT):
                for text, proxied in ((trial, True), (after, True), (before, False)):
                    file.write_text(haproxy_text(text))
                    await reload(haproxy)
                    await until(url, CLIO_ACCOUNT, proxied=proxied, serves=is_version_2)
            assert served.http_url


def is_version_2(answer: dict[str, Any]) -> bool:
    """Version 2 by the URL /v2, which only the proxy knows: a Clio's default is version 1."""
    return "signer_lists" in answer.get("result", {})


def haproxy_text(text: str) -> str:
    return (
        "defaults\n    mode http\n    timeout connect 3s\n    timeout client 10s\n    timeout server 10s\n"
        "    timeout tunnel 10s\n" + text
    )


async def reload(haproxy: Process) -> None:
    """As `systemctl reload haproxy` does: SIGUSR2 to the master process, which loses one that comes while it starts."""
    while True:
        haproxy.send_signal(signal.SIGUSR2)
        try:
            async with asyncio.timeout(2):
                await said(haproxy, "Reloading HAProxy")
                return
        except TimeoutError:
            continue


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])
