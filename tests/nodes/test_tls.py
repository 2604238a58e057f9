"""Nodes at https:// and wss://."""

import ssl
from pathlib import Path
from typing import Any

import orjson
import pytest
import trustme

from proxy.config import ConfigurationError, load_settings
from tests.support.client import ask, ask_by_websocket, ready
from tests.support.scripted_node import ScriptedNode
from tests.support.start import StartProxy, settings_for


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, str]:
    """A CA, and the file of its certificate."""
    ca = trustme.CA()
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return ca, str(path)


def tls_of(ca: trustme.CA, host: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(host).configure_cert(context)
    return context


@pytest.mark.parametrize("checked", [True, False])
async def test_http_and_websocket_over_tls(proxy: StartProxy, authority: tuple[trustme.CA, str], checked: bool) -> None:
    ca, path = authority
    async with ScriptedNode(tls=tls_of(ca)) as node:
        tls: dict[str, Any] = {"ca": path} if checked else {"verify": False}
        served = await proxy(nodes=[node.settings(websocket=node.websocket_url, tls=tls)])
        reported = (await ready(served))["node-1"]
        assert (reported["healthy"], reported["websocket_problem"]) == (True, None)
        assert "error" not in await ask(served)
        assert (await ask_by_websocket(served))["status"] == "success"


async def test_a_url_in_capitals_uses_tls_as_any_other(proxy: StartProxy, authority: tuple[trustme.CA, str]) -> None:
    ca, path = authority
    async with ScriptedNode(tls=tls_of(ca)) as node:
        urls = {
            "http": node.http_url.replace("https", "HTTPS"),
            "websocket": node.websocket_url.replace("wss", "WSS"),
        }
        served = await proxy(nodes=[node.settings(**urls, tls={"ca": path})])
        reported = (await ready(served))["node-1"]
        assert (reported["healthy"], reported["problem"], reported["websocket_problem"]) == (True, None, None)
        assert (await ask_by_websocket(served))["status"] == "success"


async def test_a_reload_reads_the_file_of_the_ca_again(proxy: StartProxy, authority: tuple[trustme.CA, str]) -> None:
    ca, path = authority
    async with ScriptedNode(tls=tls_of(ca)) as node:
        nodes = [node.settings(tls={"ca": path})]
        served = await proxy(nodes=nodes)
        assert (await ready(served))["node-1"]["healthy"]
        await node.stop()
        other = trustme.CA()
        other.cert_pem.write_to_path(path)
        node.tls = tls_of(other)
        await node.start()
        await served.reload(settings_for(nodes=nodes))
        assert (await ready(served))["node-1"]["healthy"]
        assert "error" not in await ask(served)


@pytest.mark.parametrize(("host", "trusted"), [("127.0.0.1", False), ("node.example", True)])
async def test_a_node_whose_certificate_fails_verification_receives_nothing(
    proxy: StartProxy, authority: tuple[trustme.CA, str], host: str, trusted: bool
) -> None:
    ca, path = authority
    node = ScriptedNode()
    node.tls = tls_of(ca if trusted else trustme.CA(), host)
    async with node:
        served = await proxy(nodes=[node.settings(tls={"ca": path})])
        assert "its certificate is not trusted" in (await ready(served))["node-1"]["problem"]
        assert not node.asked


@pytest.mark.parametrize("content", [None, "", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_ca_file_that_cannot_be_used_is_a_fault_of_the_configuration(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    environ = {
        "XRPL_PROXY_NODES__0__NAME": "a",
        "XRPL_PROXY_NODES__0__HTTP": "https://a",
        "XRPL_PROXY_NODES__0__TLS__CA": str(path),
    }
    with pytest.raises(ConfigurationError) as raised:
        load_settings(None, environ)
    (fault,) = raised.value.problems
    assert fault.key == "nodes[0].tls.ca"
    assert "a readable PEM file of CA certificates" in fault.problem


def test_a_certificate_that_stands_where_its_path_belongs_is_not_shown() -> None:
    tls = {"ca": trustme.CA().cert_pem.bytes().decode()}
    node = {"name": "a", "http": "https://a", "tls": tls}
    with pytest.raises(ConfigurationError) as raised:
        load_settings(None, {"XRPL_PROXY_NODES": orjson.dumps([node]).decode()})
    (fault,) = raised.value.problems
    assert str(fault).startswith("nodes[0].tls.ca: expected the path of a readable PEM file of CA")
