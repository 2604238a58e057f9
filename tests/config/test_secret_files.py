"""Secrets from files: KEY_file in place of KEY."""

from pathlib import Path

import pytest

from proxy.config import load_settings
from proxy.config.load import load_with_origins
from tests.support.configuration import assert_reported, problems


def test_a_file_of_the_configuration_and_one_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("https://node.example/key\n")
    (tmp_path / "socket").write_text("wss://node.example/key\r\n")
    file = tmp_path / "config.yaml"
    file.write_text(f"nodes: [{{name: a, http_file: {tmp_path}/url}}]")
    environ = {"XRPL_PROXY_NODES__0__WEBSOCKET_FILE": f"{tmp_path}/socket"}
    loaded = load_with_origins(file, environ)
    node = loaded.settings.nodes[0]
    assert (node.http, node.websocket) == ("https://node.example/key", "wss://node.example/key")
    assert loaded.origins["nodes", 0, "http"] == f"read from {tmp_path}/url, set in {file}, line 1"


def test_headers_are_lines_of_a_file_or_a_mapping(tmp_path: Path) -> None:
    (tmp_path / "headers").write_text("# of the provider\nX-Api-Key: a: b\n\nAuthorization:  Bearer c \n")
    environ = {"XRPL_PROXY_NODES__0__NAME": "a", "XRPL_PROXY_NODES__0__HTTP": "http://a"}
    named = load_settings(None, {**environ, "XRPL_PROXY_NODES__0__HEADERS_FILE": f"{tmp_path}/headers"})
    assert named.nodes[0].headers == {"X-Api-Key": "a: b", "Authorization": "Bearer c"}
    written = load_settings(None, {**environ, "XRPL_PROXY_NODES__0__HEADERS": '{"X-Api-Key": "1"}'})
    assert written.nodes[0].headers == {"X-Api-Key": "1"}


@pytest.mark.parametrize(
    "headers",
    [
        '{"Host": "x"}',
        '{"content-length": "1"}',
        '{"X-Forwarded-For": "1"}',
        '{"X A": "x"}',
        '{"X": "a\\nb"}',
        '{"X": 1}',
        "x",
    ],
)
def test_headers_that_the_proxy_sets_and_what_is_not_a_header_are_refused_without_showing_values(headers: str) -> None:
    environ = {"XRPL_PROXY_NODES": "[{name: a, http: 'http://a'}]", "XRPL_PROXY_NODES__0__HEADERS": headers}
    said = problems(None, environ)
    assert list(said) == ["nodes[0].headers"]
    assert "expected a mapping of header names to values" in said["nodes[0].headers"]


def test_a_missing_relative_file_is_reported_with_the_folder_that_was_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = problems(None, {"XRPL_PROXY_NODES__0__HTTP_FILE": "url"})
    assert f"url cannot be read: no such file or directory (looked for in {tmp_path})" in said["nodes[0].http_file"]


def test_a_file_of_headers_without_any_is_not_mistaken_for_none_wanted(tmp_path: Path) -> None:
    (tmp_path / "headers").write_text("# the key comes here\n\n")
    environ = {"XRPL_PROXY_NODES__0__HTTP": "http://a", "XRPL_PROXY_NODES__0__HEADERS_FILE": f"{tmp_path}/headers"}
    said = problems(None, environ)
    assert "expected lines of the form Name: value, got none" in said["nodes[0].headers_file"]


def test_what_cannot_be_read_is_reported_once_and_without_the_content(tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    (tmp_path / "lines").write_text("hunter2\n")
    (tmp_path / "url").write_text("ftp://hunter2/hunter2\n")
    nodes = (
        f"[{{name: a, http_file: {tmp_path}/none}}, {{name: b, http_file: {tmp_path}/bad}}, "
        f"{{name: c, http_file: {tmp_path}/large, headers_file: {tmp_path}/lines}}, "
        f"{{name: d, http_file: {tmp_path}/url}}, {{name: e, http: 'http://a', http_file: {tmp_path}/url}}, "
        "{name: f, http: 'http://a', websocket_file: 5, weight_file: x}]"
    )
    said = problems(None, {"XRPL_PROXY_NODES": nodes})
    assert "hunter2" not in str({key: text for key, text in said.items() if key != "nodes[3].http"})
    expected = {
        "nodes[0].http_file": "none cannot be read: no such file or directory (set by XRPL_PROXY_NODES)",
        "nodes[1].http_file": "bad cannot be read: it is not UTF-8 text",
        "nodes[2].http_file": "expected at most 65536 bytes",
        "nodes[2].headers_file": "expected lines of the form Name: value, got another in line 1",
        "nodes[3].http": f"(read from {tmp_path}/url, set by XRPL_PROXY_NODES)",
        "nodes[4].http_file": "set together with nodes[4].http: set one",
        "nodes[5].websocket_file": "expected the path of a file, got 5",
        "nodes[5].weight_file": "unknown key",
    }
    assert_reported(said, expected)
