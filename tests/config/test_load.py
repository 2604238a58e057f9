"""The configuration: what is accepted, and how each error is reported."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters import VERSIONS
from proxy.config import ConfigurationError, Settings, load_settings, settings_keys, shown_url
from proxy.config.json_schema import schema_text
from proxy.config.keys import RENAMED
from proxy.config.reference import reference
from tests.support.configuration import assert_reported, problems

NODE = {"name": "node-1", "http": "http://127.0.0.1:5005"}
DEFAULT_FILE = Path(__file__).parent.parent.parent / "config.yaml"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "some.yaml"


def write(path: Path, more: str) -> Path:
    path.write_text(f"nodes: [{{name: node-1, http: 'http://127.0.0.1:5005'}}]\n{more}")
    return path


def flat(mapping: dict[str, Any], before: str = "") -> Iterator[tuple[str, object]]:
    """The keys of a mapping of mappings, each by its whole name."""
    for name, value in mapping.items():
        if isinstance(value, dict):
            yield from flat(value, f"{before}{name}.")
        else:
            yield before + name, value


def test_the_default_file_has_every_key_with_its_default() -> None:
    held = yaml.safe_load(DEFAULT_FILE.read_text())
    assert set(held["nodes"][0]) == {
        "name",
        "http",
        "websocket",
        "api_version",
        "grpc",
        "weight",
        "headers",
        "forwarded",
        "proxy_token",
        "tls",
    }
    defaults = {key.name: key.default for key in settings_keys() if "[0]" not in key.name}
    defaults["versions.sunset"] = []
    assert dict(flat({name: part for name, part in held.items() if name != "nodes"})) == defaults
    assert held["nodes"][0]["api_version"] == "auto"


@pytest.mark.parametrize(
    ("file", "text"), [("configuration.md", reference), ("configuration.schema.json", schema_text)]
)
def test_the_generated_documents_are_current(file: str, text: Callable[[], str]) -> None:
    committed = (DEFAULT_FILE.parent / "docs" / file).read_text()
    assert committed == text(), f"docs/{file} does not match the settings: run `make reference`"


def test_the_default_file_loads_as_the_defaults() -> None:
    node = {**NODE, "websocket": "ws://127.0.0.1:6006"}
    assert load_settings(DEFAULT_FILE, {}) == Settings.model_validate({"nodes": [node]})


def test_every_key_is_described_and_read_from_its_variable(tmp_path: Path) -> None:
    certificates = str(tmp_path / "ca.pem")
    trustme.CA().cert_pem.write_to_path(certificates)
    base = {
        "XRPL_PROXY_NODES__0__NAME": "a",
        "XRPL_PROXY_NODES__0__HTTP": "http://a:1",
        "XRPL_PROXY_GRPC__VERSIONS__MAX": "3",
    }
    others = {"str": "errors", "int": "17", "float": "7.5", "bool": "true", "list": "[]"}
    special = {
        "nodes[0].name": "b",
        "nodes[0].http": "https://b",
        "nodes[0].websocket": "wss://b",
        "nodes[0].api_version": "2",
        "nodes[0].grpc": "localhost:50051",
        "nodes[0].headers": "{X-Api-Key: secret}",
        "nodes[0].forwarded": "true",
        "nodes[0].proxy_token": "secret",
        "nodes[0].tls.ca": certificates,
        "nodes[0].tls.verify": "false",
        "listen.host": "127.0.0.2",
        "versions.min": "2",
        "versions.max": "3",
        "observe.host": "::1",
        "guard.trusted_proxies": "[10.0.0.0/8]",
        "guard.allow_admin_methods": '["peers"]',
        "logging.level": "debug",
        "network_id": "21338",
        "logging.format": "console",
        "websocket.compression": "false",
        "listen.compression": "false",
        "websocket.share_subscriptions": "false",
        "listen.default_version": "2",
        "listen.versions.min": "2",
        "listen.versions.max": "1",
        "listen.methods": "[submit]",
        "listen.grpc_port": "17",
        "shadow.node": "a",
        "shadow.sample": "0.5",
        "grpc.versions.min": "2",
        "grpc.versions.max": "2",
        "grpc.methods": "[GetMore]",
        "limits.exempt": "[10.0.0.0/8]",
        "listen.requests_per_second": "17",
        "listen.connections_per_address": "17",
        "cors.origins": "['https://wallet.example']",
        "observe.allowed_hosts": "[proxy.example.com]",
        "observe.method_buckets": "[0.01, 100ms]",
        "versions.sunset[0].version": "2",
        "versions.sunset[0].date": "2028-01-01",
        "versions.sunset[0].deprecated": "2026-01-01",
        "versions.sunset[0].link": "https://example.com/version-1#what",
        "versions.dry_run_refuse": "[1]",
        "clients.keep": "off",
        "tracing.endpoint": "http://127.0.0.1:4318/v1/traces",
        "tracing.sample": "0.5",
        "logging.sample": "0.5",
    }
    sunset = {"XRPL_PROXY_VERSIONS__SUNSET": "[{version: 1, date: 2027-06-30}]"}
    for key in settings_keys():
        assert key.allowed, key
        assert key.description, key
        if key.name.startswith("listen.tls."):
            continue  # a pair of files that belong together, which the tests of TLS make
        text = special.get(key.name, others.get(type(key.default).__name__, ""))
        before = {**base, **sunset} if "sunset" in key.name else base
        settings = load_settings(None, {**before, key.variable: text})
        changed = settings.model_dump(mode="json") != load_settings(None, before).model_dump(mode="json")
        assert changed, f"{key.variable}={text} changes nothing"


def test_the_environment_wins_over_the_file(file: Path) -> None:
    write(file, "listen: {host: 10.0.0.1, port: 1000}")
    settings = load_settings(file, {"XRPL_PROXY_LISTEN__PORT": "2000", "XRPL_PROXY_CONFIG": "x", "PATH": "/bin"})
    assert (settings.listeners[0].host, settings.listeners[0].port) == ("10.0.0.1", 2000)


def test_a_section_in_one_variable_overrides_the_file_but_not_single_keys(file: Path) -> None:
    write(file, "listen: {host: 10.0.0.1, port: 1000}")
    environ = {"XRPL_PROXY_LISTEN__PORT": "3000", "XRPL_PROXY_LISTEN": '{"port": 2000}', "XRPL_PROXY_TIMEOUTS": "{}"}
    settings = load_settings(file, environ)
    assert (settings.listeners[0].host, settings.listeners[0].port) == ("10.0.0.1", 3000)


def test_nodes_are_extended_and_overridden_by_index(file: Path) -> None:
    write(file, "")
    extended = {"XRPL_PROXY_NODES__1__HTTP": "http://b:1", "XRPL_PROXY_NODES__1__NAME": "b"}
    settings = load_settings(file, {**extended, "XRPL_PROXY_NODES__0__API_VERSION": "1"})
    assert [(node.name, node.api_version) for node in settings.nodes] == [("node-1", 1), ("b", "auto")]

    settings = load_settings(file, {"XRPL_PROXY_NODES": "[{name: c, http: 'http://c'}]"})
    assert [node.name for node in settings.nodes] == ["c"]


def test_ten_and_more_nodes_from_the_environment_keep_their_order() -> None:
    environ = {f"XRPL_PROXY_NODES__{n}__{key}": f"http://n{n}" for n in range(12) for key in ("HTTP",)}
    environ |= {f"XRPL_PROXY_NODES__{n}__NAME": f"n{n}" for n in range(12)}
    assert [node.name for node in load_settings(None, environ).nodes] == [f"n{n}" for n in range(12)]


def test_nodes_without_a_name_are_named_by_their_position(file: Path) -> None:
    environ = {"XRPL_PROXY_NODES__0__HTTP": "http://a", "XRPL_PROXY_NODES__1__HTTP": "http://b"}
    assert [node.name for node in load_settings(None, environ).nodes] == ["node-1", "node-2"]
    file.write_text("nodes: [{http: 'http://a', name: node-2}, {http: 'http://b'}]\n")
    assert problems(file) == {
        "nodes[1].name": f'nodes[1].name: "node-2" is already the name of nodes[0] (set in {file}, line 1)'
    }


def test_a_variable_in_lower_case_is_refused_with_its_name_in_upper_case() -> None:
    said = problems(None, {"XRPL_PROXY_NODES__0__HTTP": "http://a", "XRPL_PROXY_nodes__0__websocket": "ws://a"})
    assert said == {
        "XRPL_PROXY_nodes__0__websocket": "XRPL_PROXY_nodes__0__websocket: unknown environment variable; "
        "did you mean XRPL_PROXY_NODES__0__WEBSOCKET?"
    }


def test_a_text_that_looks_like_something_else_stays_text() -> None:
    environ = {
        "XRPL_PROXY_NODES__0__NAME": "1",
        "XRPL_PROXY_NODES__0__HTTP": "http://a:1",
        "XRPL_PROXY_LOGGING__REQUESTS": "off",
    }
    settings = load_settings(None, environ)
    assert settings.nodes[0].name == "1"
    assert settings.logging.requests == "off"


def test_off_is_text_in_the_file_too(file: Path) -> None:
    assert load_settings(write(file, "logging: {requests: off}"), {}).logging.requests == "off"


def test_a_section_with_all_its_keys_commented_out_means_its_defaults(file: Path) -> None:
    assert load_settings(write(file, "limits:\n#  depth: 3\n"), {}).limits.depth == 25


def test_all_problems_are_reported_together_with_key_value_expectation_and_place(file: Path) -> None:
    file.write_text(
        """\
listen: {port: 70000, prot: 1}
observe: 5
versions: {min: 3, max: 2}
nodes:
  - {name: a, http: 'ftp://x'}
  - {name: a, http: 'http://x', websocket: 'http://x', api_version: 99}
  - {http: 'http://y:99999'}
limits: {depth: 1.5, request_byte: 1}
guard: {trusted_proxies: [10.0.0.1/8], allow_admin_methods: [peer]}
"""
    )
    environ = {
        "XRPL_PROXY_LISTN__PORT": "1",
        "XRPL_PROXY_LIMITS__MAX_SUBREQUESTS": "many",
        "XRPL_PROXY_LIMITS__IN_FLIGHT": "[",
        "XRPL_PROXY_NODES__7__NAME": "x",
    }
    said = problems(file, environ)
    assert (
        said.pop("listen.port")
        == f"listen.port: expected a TCP port between 0 and 65535, got 70000 (set in {file}, line 1)"
    )
    assert said.pop("listen.prot") == f"listen.prot: unknown key; did you mean listen.port? (set in {file}, line 1)"
    assert said.pop("limits.max_subrequests") == (
        'limits.max_subrequests: expected a whole number between 1 and 1000000, got "many" '
        "(set by XRPL_PROXY_LIMITS__MAX_SUBREQUESTS)"
    )
    assert said.pop("XRPL_PROXY_LISTN__PORT").endswith("did you mean XRPL_PROXY_LISTEN__PORT?")
    expected = {
        "observe": "expected a mapping with the keys host, port, allowed_hosts, method_buckets, got 5",
        "versions.max": "expected at least versions.min (3), got 2",
        "nodes[0].http": "expected an http:// or https:// URL",
        "nodes[1].name": '"a" is already the name of nodes[0]',
        "nodes[1].websocket": "expected a ws:// or wss:// URL",
        "nodes[1].api_version": f"expected an API version, {', '.join(map(str, VERSIONS.known))} or auto, got 99",
        "nodes[2].http": 'got "http://y:99999"',
        "limits.depth": "expected a whole number between 1 and 100, got 1.5",
        "limits.request_byte": "did you mean limits.request_bytes?",
        "guard.trusted_proxies[0]": 'such as 10.0.0.0/8 or fd00::/8, got "10.0.0.1/8"',
        "guard.allow_admin_methods[0]": "expected one of the admin methods blacklist",
        "XRPL_PROXY_LIMITS__IN_FLIGHT": "expected YAML",
        "XRPL_PROXY_NODES__7__NAME": "the next item of nodes is 3: items count from 0, without gaps",
    }
    assert_reported(said, expected)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("listen.port", "true"),
        ("listen.port", "'80'"),
        ("listen.port", "80.0"),
        ("listen.port", "-1"),
        ("listen.port", "1_000"),
        ("listen.port", "010"),
        ("listen.port", "null"),
        ("listen.grpc_port", "51233"),
        ("listen.port", "2020-01-01"),
        ("listen.host", "1"),
        ("listen.host", "''"),
        ("listen.host", "999.1.1.1"),
        ("listen.host", "a b"),
        ("timeouts.request", ".nan"),
        ("timeouts.request", ".inf"),
        ("timeouts.request", "1e999"),
        ("timeouts.request", "0"),
        ("timeouts.request", "true"),
        ("timeouts.request", "1:30"),
        ("guard.allow_subscribe_url", "1"),
        ("guard.allow_subscribe_url", "'true'"),
        ("guard.allow_subscribe_url", "yes"),
        ("guard.trusted_proxies", "10.0.0.0/8"),
        ("guard.trusted_proxies", "{a: 1}"),
        ("logging.level", "INFO"),
        ("versions.max", "99"),
    ],
)
def test_a_value_of_another_kind_is_refused(file: Path, key: str, value: str) -> None:
    section, _, name = key.partition(".")
    assert list(problems(write(file, f"{section}: {{{name}: {value}}}"))) == [key]


@pytest.mark.parametrize("address", ["localhost", "::1:50051", "localhost:0", "localhost:65536", "http://a:50051", ""])
def test_a_grpc_port_is_a_host_and_a_port(address: str) -> None:
    environ = {"XRPL_PROXY_NODES": f"[{{name: a, http: 'http://a', grpc: '{address}'}}]"}
    assert list(problems(None, environ)) == ["nodes[0].grpc"]


@pytest.mark.parametrize("version", ["true", "2.0", "'2'", "0", "99", "null", "[1]"])
def test_a_node_speaks_a_version_that_is_a_whole_number_or_auto(version: str) -> None:
    environ = {"XRPL_PROXY_NODES": f"[{{name: a, http: 'http://a', api_version: {version}}}]"}
    assert list(problems(None, environ)) == ["nodes[0].api_version"]


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:5005",
        "http://",
        "http://a b",
        "http://a:0",
        "http://a:x",
        "http://[::1",
        "http://a#b",
        "ws://a",
        "http://1.2.3.999",
        "http://a\u00e9",
        "http://@a",
    ],
)
def test_an_invalid_node_url_is_refused(url: str) -> None:
    assert list(problems(None, {"XRPL_PROXY_NODES__0__NAME": "a", "XRPL_PROXY_NODES__0__HTTP": url})) == [
        "nodes[0].http"
    ]


@pytest.mark.parametrize("url", ["http://a", "https://a.b.example:443/key/of?x=1", "http://[::1]:5005/", "http://a_b"])
def test_a_url_of_a_node_stays_as_it_is(url: str) -> None:
    settings = load_settings(None, {"XRPL_PROXY_NODES__0__NAME": "a", "XRPL_PROXY_NODES__0__HTTP": url})
    assert settings.nodes[0].http == url


@pytest.mark.parametrize(
    "url",
    [
        "http://user:hunter2@a",
        "http://user:hun/hunter2@a/",
        "http://user:hunter2://more@a",
        "http://user:hun://hunter2@a",
        "user:hunter2://more@a",
        "user:hunter2@a/key",
        "ftp://a/hunter2",
        "user:hunter2@a",
        "http://hunter2@ a",
    ],
)
def test_no_fault_shows_a_secret_of_a_url(url: str) -> None:
    said = problems(None, {"XRPL_PROXY_NODES__0__NAME": "a", "XRPL_PROXY_NODES__0__HTTP": url})
    assert "nodes[0].http" in said
    assert "hunter2" not in str(said)


def test_no_fault_shows_the_value_of_an_unknown_key_or_variable(file: Path) -> None:
    write(file, "password: hunter2\nlisten: {secret: hunter2, port: {seed: hunter2}}")
    said = problems(
        file, {"XRPL_PROXY_TOKEN": "hunter2", "XRPL_PROXY_OBSERVE": "[hunter2", "XRPL_PROXY_LIMITS": "hunter2: 1"}
    )
    assert set(said) == {
        "password",
        "listen.secret",
        "listen.port",
        "XRPL_PROXY_TOKEN",
        "XRPL_PROXY_OBSERVE",
        "limits.hunter2",
    }
    assert not [text for key, text in said.items() if "hunter2" in text and "hunter2" not in key]


def test_a_url_is_shown_without_its_secrets() -> None:
    assert shown_url("http://127.0.0.1:5005") == "http://127.0.0.1:5005"
    assert shown_url("http://127.0.0.1:5005/") == "http://127.0.0.1:5005/"
    assert shown_url("wss://a.example/key-of-ours") == "wss://a.example/..."
    assert shown_url("http://user:p@ss@a/b") == "http://***@a/..."
    assert shown_url("http://user:pw1://pw2@a") == "http://***"
    assert shown_url("http://a/key@b/c") == "http://***"
    assert shown_url("http://a/?key@b") == "http://***"
    assert shown_url("/etc/ca.pem") == "/etc/ca.pem"


def test_no_fault_shows_a_url_that_stands_as_a_key(file: Path) -> None:
    file.write_text("nodes: [{name: a, http://user:hunter2@10.0.0.1:5005}]\nuser@hunter2: 1\nuser@hunter2: 2\n")
    with pytest.raises(ConfigurationError) as raised:
        load_settings(file, {"XRPL_PROXY_NODES__1": "{http://hunter2.b/key, http://hunter2.b/key}"})
    said = [str(problem) for problem in raised.value.problems]
    assert "hunter2" not in str(said)
    for words in (
        f"(a URL): set twice, in lines 2 and 3 of {file}",
        "XRPL_PROXY_NODES__1: sets (a URL) twice",
        "nodes[0].http: missing; expected an http:// or https:// URL",
        "nodes[0].(a URL): unknown key; ",
        "(a URL): unknown key; ",
    ):
        assert [fault for fault in said if fault.startswith(words)], words


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"listen: [", "expected YAML"),
        (b"listen:\n  port: 1\n bad: 2\n", "line 3"),
        (b"\xff\xfe\x00", "expected UTF-8 text; the byte at position 0"),
        (b"listen: \x01", "character that YAML does not allow"),
        (b"- listen\n", "expected keys such as listen and nodes at the top level"),
        (b"hello", "expected keys such as listen and nodes at the top level"),
        (b"a: 1\n---\nb: 2\n", "line 2"),
        (BOMB.encode(), "aliases (*name) are not supported, line 2"),
        (b"[" * 100_000, "nested deeper than 8 levels"),
        (b"listen: !!python/object:os.system {}", "tags (!name) are not supported"),
        (b"listen: {port: !!int x}", "does not match its tag"),
        (b"listen: {port: !!bool x}", "does not match its tag"),
        (b"listen: {port: " + b"9" * 5000 + b"}", "does not match its tag"),
        (b"? [a]\n: 1\n", "a key must be text"),
        (b"nodes:\n  - headers: {X-Key: ${KEY}}\n", "line 2, column 23; inside { } or [ ], a value with ${NAME} needs"),
        (b"#" * 300_000, "expected at most 262144 bytes"),
    ],
)
def test_a_file_that_is_not_a_configuration_is_one_clear_problem(file: Path, content: bytes, words: str) -> None:
    file.write_bytes(content)
    said = problems(file)
    assert list(said) == [str(file)]
    assert words in said[str(file)]


def test_an_unreadable_file_hides_no_fault_of_the_environment(file: Path) -> None:
    said = problems(file, {"XRPL_PROXY_LISTEN__PORT": "70000"})
    assert said[str(file)] == f"{file}: cannot be read: no such file or directory"
    assert set(said) == {str(file), "listen.port"}


def test_a_missing_relative_file_is_reported_with_the_path_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert f"(looked for in {tmp_path})" in problems(Path("none.yaml"))["none.yaml"]


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    assert "is a directory" in problems(tmp_path)[str(tmp_path)]


def test_a_duplicate_key_is_reported_with_both_lines(file: Path) -> None:
    said = problems(write(file, "listen:\n  port: 1\n  port: 2\nlisten: {}\n"))
    assert said["listen.port"] == f"listen.port: set twice, in lines 3 and 4 of {file}"
    assert said["listen"] == f"listen: set twice, in lines 2 and 5 of {file}"
    assert "twice" in problems(None, {"XRPL_PROXY_LISTEN": "{port: 1, port: 2}"})["XRPL_PROXY_LISTEN"]


@pytest.mark.parametrize("text", ["", "nodes:", "nodes: []", "nodes: {}"])
def test_a_proxy_needs_a_node(file: Path, text: str) -> None:
    file.write_text(text)
    assert "a list of 1 to 100 nodes" in problems(file)["nodes"]


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1", "::"])
def test_observe_cannot_be_where_clients_connect(host: str) -> None:
    environ = {"XRPL_PROXY_NODES": "[{name: a, http: 'http://a'}]", "XRPL_PROXY_LISTEN__HOST": host}
    said = problems(None, {**environ, "XRPL_PROXY_LISTEN__PORT": "9652"})
    assert said == {"observe.port": "observe.port: port 9652 is already used by listen.port (the default)"}
    load_settings(None, {**environ, "XRPL_PROXY_LISTEN__PORT": "0", "XRPL_PROXY_OBSERVE__PORT": "0"})


def test_a_default_that_does_not_fit_what_is_set_is_a_fault() -> None:
    said = problems(None, {"XRPL_PROXY_NODES": "[{name: a, http: 'http://a'}]", "XRPL_PROXY_VERSIONS__MIN": "3"})
    assert said["versions.max"].endswith("expected at least versions.min (3), got 2 (the default)")


@pytest.mark.parametrize(
    "variable",
    [
        "XRPL_PROXY_",
        "XRPL_PROXY_LISTEN__port",
        "XRPL_PROXY_LISTEN__PORT__X",
        "XRPL_PROXY_NODES__X__NAME",
        "XRPL_PROXY_NODES__-1",
    ],
)
def test_an_unknown_variable_is_a_fault(file: Path, variable: str) -> None:
    assert list(problems(write(file, ""), {variable: "1"})) == [variable]


def test_variables_of_a_kubernetes_service_of_our_name_are_left_alone(file: Path) -> None:
    environ = {
        "XRPL_PROXY_SERVICE_HOST": "10.0.0.1",
        "XRPL_PROXY_SERVICE_PORT_HTTP": "51233",
        "XRPL_PROXY_PORT": "tcp://10.0.0.1:51233",
        "XRPL_PROXY_PORT_51233_TCP_ADDR": "10.0.0.1",
    }
    load_settings(write(file, ""), environ)


def test_settings_made_in_code_are_held_to_the_same_and_cannot_be_changed() -> None:
    settings = Settings.model_validate({"nodes": [NODE], "guard": {"trusted_proxies": [ip_network("10.0.0.0/8")]}})
    assert settings.guard.trusted_proxies == (ip_network("10.0.0.0/8"),)
    with pytest.raises(ValidationError):
        settings.listeners[0].port = 1  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Settings.model_validate({"nodes": [NODE, NODE]})


yamlish = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    section=st.sampled_from(sorted(Settings.model_fields)), value=yamlish, text=st.text(max_size=200), raw=st.binary()
)
def test_nothing_but_faults_comes_of_any_input(
    tmp_path_factory: pytest.TempPathFactory, section: str, value: object, text: str, raw: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    for content in (yaml.safe_dump({section: value}).encode(), text.encode(errors="surrogatepass"), raw):
        path.write_bytes(content)
        for environ in ({}, {f"XRPL_PROXY_{section.upper()}": text}, {"XRPL_PROXY_NODES__0": text}):
            with suppress(ConfigurationError):
                load_settings(path, environ)


def test_problems_of_sunsets_are_reported(file: Path) -> None:
    write(
        file,
        """\
versions:
  max: 3
  dry_run_refuse: [99]
  sunset:
    - {version: 1, date: 30.06.2027, link: "https://a.example/><script>"}
    - {version: 1, date: 2027-06-30, deprecated: 2027-07-01}
    - {date: 2027-02-30}
""",
    )
    expected = {
        "versions.dry_run_refuse[0]": f"expected an API version between 1 and {VERSIONS.newest}, got 99",
        "versions.sunset[0].date": 'expected a date such as 2027-06-30, got "30.06.2027"',
        "versions.sunset[0].link": "expected an http:// or https:// URL",
        "versions.sunset[1].deprecated": 'expected a day not after date (2027-06-30), got "2027-07-01"',
        "versions.sunset[2].version": "missing; expected an API version",
        "versions.sunset[2].date": 'expected a date such as 2027-06-30, got "2027-02-30"',
    }
    assert_reported(problems(file), expected)


@pytest.mark.parametrize(
    ("versions", "key", "words"),
    [
        (
            "{sunset: [{version: 3, date: 2027-06-30}]}",
            "versions.sunset[0].version",
            "expected a supported version, 1 to 2",
        ),
        (
            "{sunset: [{version: 2, date: 2027-06-30, refuse: true}]}",
            "versions.sunset[0].refuse",
            "the highest version (2) cannot be refused: no version would remain",
        ),
        (
            "{max: 3, sunset: [{version: 2, date: 2027-06-30, refuse: true}]}",
            "versions.sunset[0].refuse",
            "version 2 cannot be refused unless all lower versions are",
        ),
        (
            "{max: 3, sunset: [{version: 2, date: 2027-06-30, refuse: true},"
            " {version: 1, date: 2028-06-30, refuse: true}]}",
            "versions.sunset[0].date",
            "expected a day not before those of the lower versions",
        ),
        (
            "{sunset: [{version: 1, date: 2027-06-30}, {version: 1, date: 2028-06-30}]}",
            "versions.sunset[1].version",
            "version 1 already has a sunset earlier in the list",
        ),
    ],
)
def test_versions_can_go_from_the_lowest_upward_only(file: Path, versions: str, key: str, words: str) -> None:
    said = problems(write(file, f"versions: {versions}"))
    assert list(said) == [key]
    assert words in said[key]


def test_a_listener_cannot_be_left_without_a_version(file: Path) -> None:
    sunset = "versions: {sunset: [{version: 1, date: 2027-06-30, refuse: true}]}"
    said = problems(write(file, f"listen: {{versions: {{max: 1}}}}\n{sunset}"))
    assert "versions.sunset refuses the versions up to 1: no version would remain here" in said["listen.versions.max"]


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("500ms", 0.5), ("5m", 300), ("1.5h", 5400), ("1d", 86400), ("'2s'", 2)]
)
def test_a_duration_may_have_a_unit(file: Path, text: str, seconds: float) -> None:
    settings = load_settings(
        write(file, f"timeouts: {{request: {text}}}"), {"XRPL_PROXY_HEALTH__TIMEOUT": text.strip("'")}
    )
    assert (settings.timeouts.request, settings.health.timeout) == (seconds, seconds)


@pytest.mark.parametrize(
    ("text", "size"),
    [("10kB", 10_000), ("64KiB", 65_536), ("1MiB", 1_048_576), ("1GiB", 2**30), ("7B", 7), ("2MB", 2_000_000)],
)
def test_a_size_may_have_a_unit(file: Path, text: str, size: int) -> None:
    settings = load_settings(write(file, f"limits: {{request_bytes: {text}}}"), {"XRPL_PROXY_CACHE__BYTES": text})
    assert (settings.limits.request_bytes, settings.cache.bytes) == (size, size)


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("timeouts.request", "30x", 'expected seconds between 0.01 and 86400, such as 30, 30s or 5m, got "30x"'),
        ("timeouts.request", "2d", "expected seconds between 0.01 and 86400"),
        ("timeouts.request", "1 s", "expected seconds"),
        ("timeouts.request", "-1s", "expected seconds"),
        ("limits.request_bytes", "2GiB", "expected bytes between 1 and 1073741824, such as 65536, 64KiB or 1MiB"),
        ("limits.request_bytes", "1.5MiB", "expected bytes"),
        ("limits.request_bytes", "30s", "expected bytes"),
        ("limits.depth", "1kB", "expected a whole number between 1 and 100"),
    ],
)
def test_a_unit_that_does_not_fit_is_an_error(file: Path, key: str, text: str, words: str) -> None:
    section, _, name = key.partition(".")
    assert words in problems(write(file, f"{section}: {{{name}: {text}}}"))[key]


def test_a_renamed_key_is_not_accepted_and_its_error_names_the_new_one(file: Path) -> None:
    said = problems(write(file, "limits: {least_rate: 1}"), {"XRPL_PROXY_SHADOW__AT_ONCE": "1"})
    assert said == {
        "limits.least_rate": (
            f"limits.least_rate: unknown key; it was renamed to limits.min_bytes_per_second (set in {file}, line 2)"
        ),
        "XRPL_PROXY_SHADOW__AT_ONCE": (
            "XRPL_PROXY_SHADOW__AT_ONCE: unknown environment variable; it was renamed to XRPL_PROXY_SHADOW__CONCURRENCY"
        ),
    }
    known = {key.name.replace("[0]", "") for key in settings_keys()}
    assert set(RENAMED.values()) <= known
    assert not set(RENAMED) & known
