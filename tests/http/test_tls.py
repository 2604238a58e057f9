"""TLS at a listener: what is refused before it starts, and certificates that change while it runs."""

import asyncio
import datetime
import signal
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import trustme
from structlog.testing import LogCapture

from proxy.access.fair_share import FairShare
from proxy.config import ConfigurationError, load_settings
from tests.support.client import until
from tests.support.listeners import FEE, counted, nobody_connected
from tests.support.process import Process
from tests.support.processes import free_port
from tests.support.raw_client import RawClient, post
from tests.support.scripted_node import ScriptedNode
from tests.support.start import StartProxy, settings_for

AT = {"host": "127.0.0.1", "port": 0}

Written = Callable[..., dict[str, str]]


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def written(tmp_path: Path, authority: trustme.CA) -> Written:
    """Writes a certificate and its key, over those that are there."""

    def write(**what: Any) -> dict[str, str]:
        issued = authority.issue_cert("127.0.0.1", **what)
        files = {"certificate": str(tmp_path / "cert.pem"), "key": str(tmp_path / "key.pem")}
        Path(files["certificate"]).write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(files["key"])
        return files

    return write


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def serial_shown(url: str, trust: ssl.SSLContext) -> str:
    """The serial number of the certificate that a new connection is shown, which must answer as well."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=trust, server_hostname="127.0.0.1")
    writer.write(post(FEE, "Connection: close"))
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200 ")
    serial: str = writer.get_extra_info("peercert")["serialNumber"]
    await reader.read()
    writer.close()
    await writer.wait_closed()
    return serial


async def test_http_and_websocket_over_tls(
    node: ScriptedNode, proxy: StartProxy, written: Written, authority: trustme.CA
) -> None:
    ends = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(days=20)
    listen = [{**AT, "tls": written(not_after=ends)}, AT]
    served = await proxy(nodes=[node.settings(websocket=node.websocket_url)], listen=listen)
    assert [url.partition(":")[0] for url in served.http_urls] == ["https", "http"]
    trust = trusting(authority)
    await serial_shown(served.http_url, trust)
    async with aiohttp.ClientSession() as client, client.ws_connect(served.http_url, ssl=trust) as socket:
        await socket.send_json({"command": "fee"})
        assert (await socket.receive_json())["status"] == "success"
    reported = await counted(served, "xrpl_proxy_certificate_expiry_timestamp_seconds")
    assert list(reported.values()) == [ends.timestamp()]
    old = trusting(authority)
    old.set_ciphers("AES128-SHA")  # whose like TLS 1.3 has none of, and nobody takes any more
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await serial_shown(served.http_url, old)


async def test_a_new_certificate_is_shown_without_dropping_connections(
    node: ScriptedNode, proxy: StartProxy, written: Written, authority: trustme.CA, lines: LogCapture
) -> None:
    files = written()

    def spoil() -> None:
        Path(files["key"]).write_text("half of it")

    listen = {**AT, "tls": files}
    served = await proxy(
        nodes=[node.settings(websocket=node.websocket_url)], listen=listen, timeouts={"client_write": 1}
    )
    trust = trusting(authority)
    first = await serial_shown(served.http_url, trust)
    async with aiohttp.ClientSession() as client, client.ws_connect(served.http_url, ssl=trust) as socket:
        spoil()
        await until(lambda: any(line["event"] == "certificate_reload_failed" for line in lines.entries))
        assert await serial_shown(served.http_url, trust) == first
        written()

        async def another_is_shown() -> bool:
            return await serial_shown(served.http_url, trust) != first

        await until(another_is_shown)
        await socket.send_json({"command": "fee"})
        assert (await socket.receive_json())["status"] == "success"


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01", post(FEE)], ids=["nothing", "half", "no TLS"])
async def test_an_incomplete_handshake_times_out(
    node: ScriptedNode, proxy: StartProxy, written: Written, sent: bytes
) -> None:
    served = await proxy(nodes=[node.settings()], listen={**AT, "tls": written()}, timeouts={"request_head": 0.4})
    async with RawClient(served.http_url) as client:
        await client.send(sent)
        await client.rest(2)
        await nobody_connected(served)
    assert await counted(served, "xrpl_proxy_connections_refused_total") == {'reason="handshake"': 1}


async def test_handshakes_beyond_a_clients_share_of_the_event_loop_take_turns(
    node: ScriptedNode, proxy: StartProxy, written: Written, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, turn = [0], FairShare.turn

    async def counted_turn(fair_share: FairShare, address: str) -> None:
        turns[0] += 1
        await turn(fair_share, address)

    monkeypatch.setattr(FairShare, "turn", counted_turn)
    served = await proxy(nodes=[node.settings()], listen={**AT, "tls": written()})
    trust = trusting(authority)
    await asyncio.gather(*(serial_shown(served.http_url, trust) for _ in range(5)))
    assert not turns[0]
    await asyncio.gather(*(serial_shown(served.http_url, trust) for _ in range(40)))
    assert turns[0] > 20


async def test_a_client_that_never_reads_over_tls_is_disconnected(
    node: ScriptedNode, proxy: StartProxy, written: Written, authority: trustme.CA
) -> None:
    limits, timeouts = {"min_bytes_per_second": 10_000_000}, {"client_write": 0.4}
    served = await proxy(nodes=[node.settings()], listen={**AT, "tls": written()}, limits=limits, timeouts=timeouts)
    parts = urlsplit(served.http_url)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=trusting(authority), limit=1024)
    writer.write(post({"method": "big"}))
    await node.until(lambda: node.times("big") == 1)
    try:
        await nobody_connected(served)
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


async def test_a_listener_that_comes_again_keeps_its_metrics_when_the_old_one_has_ended(
    node: ScriptedNode, proxy: StartProxy, written: Written, authority: trustme.CA
) -> None:
    nodes = [node.settings(websocket=node.websocket_url)]
    tls = written()
    served = await proxy(nodes=nodes, listen=[AT, {**AT, "port": free_port(), "tls": tls}])
    url = served.http_urls[1]
    name = url.removeprefix("https://").strip("/")

    def watchers() -> int:
        return sum(task.get_name() == f"connections at {name}" for task in asyncio.all_tasks())

    async def the_old_one_has_ended() -> bool:
        return watchers() == 1

    trust = trusting(authority)
    async with aiohttp.ClientSession() as client, client.ws_connect(url, ssl=trust) as old:
        await served.reload(settings_for(nodes=nodes, listen=[AT]))
        await served.reload(settings_for(nodes=nodes, listen=[AT, {**AT, "port": urlsplit(url).port, "tls": tls}]))
        async with client.ws_connect(url, ssl=trust) as new:
            assert watchers() == 2
            assert (await counted(served, "xrpl_proxy_connections"))[f'listener="{name}"'] == 2
            await old.close()
            await until(the_old_one_has_ended)
            assert (await counted(served, "xrpl_proxy_connections"))[f'listener="{name}"'] == 1
            assert f'listener="{name}"' in await counted(served, "xrpl_proxy_certificate_expiry_timestamp_seconds")
            await new.close()
    await served.reload(settings_for(nodes=nodes, listen=[AT]))

    async def nothing_is_told_of_it() -> bool:
        reported = await counted(served, "xrpl_proxy_connections")
        reported |= await counted(served, "xrpl_proxy_certificate_expiry_timestamp_seconds")
        return f'listener="{name}"' not in reported

    await until(nothing_is_told_of_it)


def faults(tls: dict[str, str]) -> list[str]:
    environ = {f"XRPL_PROXY_LISTEN__TLS__{name.upper()}": value for name, value in tls.items()}
    with pytest.raises(ConfigurationError) as raised:
        load_settings(None, {"XRPL_PROXY_NODES": "[{name: a, http: 'http://a'}]", **environ})
    return [str(fault) for fault in raised.value.problems]


def test_what_could_not_be_shown_is_a_fault_of_the_configuration(
    tmp_path: Path, written: Written, authority: trustme.CA
) -> None:
    good = written()
    other = tmp_path / "other.pem"
    trustme.CA().issue_cert("a").private_key_pem.write_to_path(str(other))
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("none")
    for tls, words in (
        ({"certificate": good["certificate"]}, "belong together"),
        ({"key": good["key"]}, "belong together"),
        ({**good, "key": str(other)}, "other.pem belongs to another certificate"),
        ({**good, "certificate": str(nonsense)}, "nonsense.pem holds no certificate in PEM"),
        ({**good, "key": str(nonsense)}, "nonsense.pem holds no private key in PEM"),
        ({**good, "key": str(tmp_path / "absent.pem")}, "absent.pem cannot be read: no such file"),
    ):
        (fault,) = faults(tls)
        assert fault.startswith("listen.tls.key: ")
        assert words in fault
    ended = written(not_after=datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1))
    assert "expired at" in faults(ended)[0]


@pytest.mark.parametrize("pasted", ["certificate", "key"])
@pytest.mark.parametrize("newline", ["\n", " "])
def test_a_key_that_stands_where_its_path_belongs_is_not_shown(written: Written, pasted: str, newline: str) -> None:
    good = written()
    text = Path(good["key"]).read_text()
    (fault,) = faults({**good, pasted: text.replace("\n", newline)})
    assert fault == (
        f"listen.tls.{pasted}: expected the path of a PEM file, or null for plain HTTP, got text of several lines "
        f"(set by XRPL_PROXY_LISTEN__TLS__{pasted.upper()})"
    )


async def test_neither_is_it_logged_at_a_reload(node: ScriptedNode, tmp_path: Path, written: Written) -> None:
    key = trustme.CA().issue_cert("a").private_key_pem.bytes().decode()
    settings = {"nodes": [node.settings()]}
    async with Process(tmp_path, settings) as process:
        await process.line("started")
        process.write({**settings, "listen": {**AT, "tls": {**written(), "key": key}}})
        process.send(signal.SIGHUP)
        (fault,) = (await process.line("configuration_rejected"))["problems"]
        assert fault.startswith("listen.tls.key: expected the path of a PEM file")
        assert "PRIVATE KEY" not in str(process.lines)


async def test_what_waits_for_a_client_over_tls_is_counted(
    node: ScriptedNode, proxy: StartProxy, written: Written, authority: trustme.CA
) -> None:
    served = await proxy(nodes=[node.settings()], listen={**AT, "tls": written()})
    parts = urlsplit(served.http_url)
    reader, writer = await asyncio.open_connection(
        parts.hostname, parts.port, ssl=trusting(authority), server_hostname="127.0.0.1", limit=65_536
    )
    writer.write(post({"method": "big"}, "Connection: close"))  # of 20 MB, and not read

    async def most_is_counted() -> bool:
        return next(iter((await counted(served, "xrpl_proxy_unsent_bytes")).values())) > 10_000_000

    await until(most_is_counted)
    assert len(await reader.read()) > 20_000_000
    writer.close()
    await nobody_connected(served)
    assert list((await counted(served, "xrpl_proxy_unsent_bytes")).values()) == [0]
