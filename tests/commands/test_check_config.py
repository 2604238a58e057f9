"""What `serve` refuses, `check-config` knows before, and in the same words."""

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import trustme
from click.testing import CliRunner, Result

from proxy.cli import main
from proxy.config import settings_keys
from tests.support.process import ROOT

NODE: dict[str, Any] = {"name": "node-1", "http": "http://127.0.0.1:5005"}
HERE = {"host": "127.0.0.1", "port": 0}
GOOD: dict[str, Any] = {"listen": HERE, "observe": HERE, "nodes": [NODE]}


def said(command: str, file: Path) -> Result:
    return CliRunner().invoke(main, [command, "--config", str(file)], prog_name="xrpl-version-proxy")


def write(folder: Path, settings: dict[str, Any]) -> Path:
    file = folder / "config.yaml"
    file.write_bytes(orjson.dumps({**GOOD, **settings}))  # which is YAML too
    return file


def with_tls(folder: Path) -> dict[str, Any]:
    issued = trustme.CA().issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    trustme.CA().issue_cert("a").private_key_pem.write_to_path(str(folder / "other.pem"))
    return {"listen": {**HERE, "tls": {"certificate": f"{folder}/cert.pem", "key": f"{folder}/other.pem"}}}


FAULTY: dict[str, tuple[dict[str, Any] | Callable[[Path], dict[str, Any]], str]] = {
    "no node": ({"nodes": []}, "a list of 1 to 100 nodes"),
    "an unknown key": ({"limit": {}}, "did you mean limits?"),
    "a node twice": ({"nodes": [NODE, NODE]}, "already the name of nodes[0]"),
    "a node's URL": ({"nodes": [{**NODE, "http": "ftp://a"}]}, "an http:// or https:// URL"),
    "a node's CA": ({"nodes": [{**NODE, "tls": {"ca": "/none.pem"}}]}, "a readable PEM file"),
    "a version that is none": ({"versions": {"max": 9}}, "versions.max: expected"),
    "versions the wrong way round": ({"versions": {"min": 2, "max": 1}}, "at least versions.min (2)"),
    "a listener without a version": ({"listen": {**HERE, "versions": {"min": 3}}}, "within versions, 1 to 2"),
    "a key of another certificate": (with_tls, "belongs to another certificate"),
    "a certificate that is not there": (
        {"listen": {**HERE, "tls": {"certificate": "/none.pem", "key": "/none.pem"}}},
        "/none.pem cannot be read",
    ),
    "one port for two": ({"listen": [{"port": 7}, {"port": 7}]}, "port 7 is already used by listen[0]"),
    "one port for clients and operators": (
        {"listen": {"port": 7}, "observe": {"port": 7}},
        "port 7 is already used by listen.port",
    ),
    "no time at all": ({"timeouts": {"request": 0}}, "timeouts.request: expected"),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_a_faulty_configuration_is_refused_by_both(fault: str, tmp_path: Path) -> None:
    settings, words = FAULTY[fault]
    file = write(tmp_path, settings(tmp_path) if callable(settings) else settings)
    checked, served = said("check-config", file), said("serve", file)
    assert checked.exit_code == served.exit_code == 1
    assert checked.stderr == served.stderr
    assert words in checked.stderr


@pytest.mark.parametrize("content", [None, b"", b"listen: [", b"\xff\xfe", b"[1]", b"a: &a [1]\nb: *a\n"])
def test_an_invalid_configuration_is_refused_by_both(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    if content is not None:
        file.write_bytes(content)
    checked, served = said("check-config", file), said("serve", file)
    assert checked.exit_code == served.exit_code == 1
    assert checked.stderr == served.stderr
    assert str(file) in checked.stderr


def test_every_key_with_a_value_of_another_kind_is_refused_by_both(tmp_path: Path) -> None:
    for key in settings_keys():
        # A mapping is of another kind than everything but the headers, which are one.
        value: Any = ["no", "value"] if key.name.endswith(".headers") else {"no": "value"}
        for part in reversed(key.name.split(".")):
            value = {**NODE, **value} if part == "nodes[0]" else value
            value = {part.removesuffix("[0]"): [value] if part.endswith("[0]") else value}
        file = write(tmp_path, value)
        checked = said("check-config", file)
        assert checked.exit_code == 1, key.name  # or `serve` would go on for ever
        served = said("serve", file)
        assert served.exit_code == 1, key.name
        assert checked.stderr == served.stderr, key.name
        assert f"{key.name}: " in checked.stderr


UNHAD: dict[str, tuple[dict[str, Any], str]] = {
    "another machine's address": ({"listen": {"host": "192.0.2.1", "port": 0}}, "cannot assign requested address"),
    "another machine's address for operators": (
        {"observe": {"host": "192.0.2.1", "port": 0}},
        "cannot assign requested address",
    ),
    "a name that nobody has": ({"listen": {"host": "none.invalid", "port": 0}}, "none.invalid:0"),
}


def serve(file: Path) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-m", "proxy", "serve", "--config", str(file)]
    return subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("fault", UNHAD)
def test_an_address_that_cannot_be_had_is_refused_by_both(fault: str, tmp_path: Path) -> None:
    settings, words = UNHAD[fault]
    file = write(tmp_path, settings)
    checked, served = said("check-config", file), serve(file)
    assert checked.exit_code == served.returncode == 1
    assert checked.stderr.splitlines()[-1] == served.stderr.splitlines()[-1]
    assert words in checked.stderr
    assert checked.stdout == ""


def test_one_address_by_two_names_is_refused_by_both(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    listen = [{"host": "127.0.0.1", "port": port}, {"host": "localhost", "port": port}]
    file = write(tmp_path, {"listen": listen})
    checked, served = said("check-config", file), serve(file)
    assert checked.exit_code == served.returncode == 1
    assert checked.stderr.splitlines()[-1] == served.stderr.splitlines()[-1]
    assert "address already in use" in checked.stderr


def test_the_configuration_of_a_proxy_that_runs_is_sound(tmp_path: Path) -> None:
    """Its addresses are in use, by itself."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        file = write(tmp_path, {"listen": {**HERE, "port": taken.getsockname()[1]}})
        assert said("check-config", file).exit_code == 0
