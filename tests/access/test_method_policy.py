"""What strangers may not ask, what is never shown, and who the client is."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.access.client_address import client_address
from proxy.access.method_policy import MethodPolicy
from proxy.envelope.methods import ADMIN_METHODS, OLD_ADMIN_METHODS
from proxy.envelope.secrets import masked

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48")]


@pytest.mark.parametrize("method", sorted(ADMIN_METHODS))
def test_the_administrators_methods_are_refused(method: str) -> None:
    assert MethodPolicy().check(method, {}) == "forbidden"
    assert MethodPolicy(allow_admin_methods=frozenset({method})).check(method, {}) is None


@pytest.mark.parametrize("method", sorted(OLD_ADMIN_METHODS))
def test_what_only_older_nodes_know_is_refused_where_one_may_take_the_proxy_for_its_own(method: str) -> None:
    assert MethodPolicy().check(method, {}) is None
    assert MethodPolicy(node_may_trust_us_as_admin=True).check(method, {}) == "forbidden"


def test_one_method_allowed_opens_no_other() -> None:
    assert MethodPolicy(allow_admin_methods=frozenset({"peers"})).check("stop", {}) == "forbidden"


@pytest.mark.parametrize(
    "method", ["account_info", "server_info", "subscribe", "ledger_header", "no_such_method", None, 5]
)
def test_what_all_may_ask_passes(method: object) -> None:
    assert MethodPolicy().check(method, {"account": "r", "streams": ["ledger"]}) is None


@pytest.mark.parametrize("name", ["admin_user", "admin_password"])
@pytest.mark.parametrize("method", ["account_info", "stop", None, 5])
def test_an_administrators_credentials_are_refused(name: str, method: object) -> None:
    assert MethodPolicy().check(method, {name: None}) == "forbidden"
    assert MethodPolicy(frozenset({"stop"}), allow_admin_credentials=True).check(method, {name: "x"}) is None


@pytest.mark.parametrize("method", ["subscribe", "unsubscribe"])
def test_having_a_node_post_to_a_url_is_refused(method: str) -> None:
    assert MethodPolicy().check(method, {"url": "http://example.com"}) == "no_permission"
    assert MethodPolicy(allow_subscribe_url=True).check(method, {"url": "http://example.com"}) is None


def test_voting_on_an_amendment_is_refused() -> None:
    assert MethodPolicy().check("feature", {"feature": "A" * 64, "vetoed": True}) == "no_permission"
    assert MethodPolicy().check("feature", {"feature": "A" * 64}) is None
    assert MethodPolicy(frozenset({"feature"})).check("feature", {"feature": "A" * 64, "vetoed": True}) is None


def test_secrets_are_masked_whatever_they_hold() -> None:
    request = {"secret": "s", "seed": ["s"], "seed_hex": None, "passphrase": 1, "admin_password": "s", "account": "r"}
    assert masked(request) == {**dict.fromkeys(request, "<masked>"), "account": "r"}
    assert request["secret"] == "s"


def client(peer: str, **headers: Any) -> str:
    lines = {
        name.replace("_", "-").lower(): values if isinstance(values, str) else ",".join(values)
        for name, values in headers.items()
    }
    return client_address(peer, lines, TRUSTED)


def test_an_untrusted_client_is_identified_by_its_connection() -> None:
    assert client("192.0.2.1", X_Forwarded_For="198.51.100.7", Forwarded="for=198.51.100.7") == "192.0.2.1"
    assert client("2001:db8::1") == "2001:db8::1"


def test_a_trusted_proxy_names_the_client() -> None:
    assert client("10.0.0.1", X_Forwarded_For="192.0.2.1") == "192.0.2.1"
    assert client("10.0.0.1", Forwarded="proto=https;For=192.0.2.1;by=10.0.0.1") == "192.0.2.1"
    assert client("::ffff:10.0.0.1", X_Forwarded_For="192.0.2.1") == "192.0.2.1"
    assert client("2001:db8:ffff::9", X_Forwarded_For="192.0.2.1") == "192.0.2.1"


def test_what_the_client_wrote_further_left_is_not_believed() -> None:
    assert client("10.0.0.1", X_Forwarded_For="127.0.0.1, 192.0.2.1, 10.0.0.2") == "192.0.2.1"
    assert client("10.0.0.1", X_Forwarded_For=["127.0.0.1", "192.0.2.1"]) == "192.0.2.1"
    assert client("10.0.0.1", Forwarded="for=127.0.0.1, for=192.0.2.1;by=x, for=10.0.0.2") == "192.0.2.1"
    assert client("10.0.0.1", Forwarded="for=127.0.0.1", X_Forwarded_For="192.0.2.1") == "192.0.2.1"


def test_a_client_inside_of_the_trusted_networks_is_the_leftmost() -> None:
    assert client("10.0.0.1", X_Forwarded_For="10.0.0.3, 10.0.0.2") == "10.0.0.3"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("192.0.2.1:4711", "192.0.2.1"),
        ('"192.0.2.1:4711"', "192.0.2.1"),
        ('"[2001:db8::1]:4711"', "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_addresses_are_read_in_all_their_forms(written: str, address: str) -> None:
    assert client("10.0.0.1", X_Forwarded_For=written) == address
    assert client("10.0.0.1", Forwarded=f"for={written}") == address


@pytest.mark.parametrize(
    "written",
    ["", "unknown", "_hidden", "localhost", "192.0.2.1:port", "[2001:db8::1", "192.0.2.300", '"192.0.2.1', "[::1]x"],
)
def test_an_invalid_address_leaves_the_peer(written: str) -> None:
    assert client("10.0.0.1", X_Forwarded_For=f"192.0.2.1, {written}") == "10.0.0.1"
    assert client("10.0.0.1", Forwarded=f"for=192.0.2.1, for={written}") == "10.0.0.1"
    assert client("10.0.0.1", Forwarded="for=192.0.2.1, proto=http") == "10.0.0.1"


def test_without_a_header_it_is_the_peer() -> None:
    assert client("10.0.0.1") == "10.0.0.1"


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_no_header_makes_more_of_a_client_than_an_address(forwarded_for: str, forwarded: str) -> None:
    reported = client("10.0.0.1", X_Forwarded_For=[forwarded_for], Forwarded=[forwarded])
    assert str(ip_address(reported)) == reported
