"""The examples for the nodes: they know the proxy as one that speaks for others, and never as an administrator."""

import json
from configparser import ConfigParser

from tests.support.installed import DEPLOY

PROXIES = {"10.0.0.10", "10.0.0.11"}


def test_rippled_trusts_the_proxies_and_makes_none_an_administrator() -> None:
    sections = ConfigParser(allow_no_value=True)
    sections.read_string((DEPLOY / "rippled" / "rippled.cfg").read_text())
    assert list(sections["server"]) == ["port_rpc_proxy", "port_ws_proxy", "port_rpc_admin_local"]
    kinds = {}
    for name in sections["server"]:
        port = sections[name]
        administrators = {address.strip() for address in port.get("admin", "").split(",")}
        assert not administrators & PROXIES
        if "secure_gateway" in port:
            kinds[port["protocol"]] = {address.strip() for address in port["secure_gateway"].split(",")}
            assert administrators == {""}
    assert kinds == {"http": PROXIES, "ws": PROXIES}


def test_clio_knows_the_proxies_and_has_a_password_for_administrators() -> None:
    settings = json.loads((DEPLOY / "rippled" / "clio.json").read_text())
    assert set(settings["server"]["proxy"]["ips"]) == PROXIES
    # Without a password every connection from 127.0.0.1 is an administrator's.
    assert settings["server"]["admin_password"]
