"""`config`: the effective configuration, its schema and its reference."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from proxy.cli import main
from proxy.config import load_settings


def run(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env=environ, prog_name="xrpl-version-proxy")


def test_the_effective_configuration_has_origins_and_no_secrets(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("https://node.example/hunter2\n")
    file = tmp_path / "config.yaml"
    file.write_text(
        "listen:\n"
        "  - port: 6005\n"
        "  - port: ${SECOND}\n"
        "nodes:\n"
        f"  - {{name: a, http_file: {tmp_path}/url, websocket: 'wss://a/hunter2', headers: {{X-Key: hunter2}}}}\n"
        "versions: {sunset: [{version: 1, date: 2027-06-30}]}\n"
        "timeouts: {request: 5m}\n"
    )
    result = run("config", "show", "--config", str(file), SECOND="6006", XRPL_PROXY_LIMITS__DEPTH="7")
    assert result.exit_code == 0
    assert "hunter2" not in result.stdout
    for line in (
        f"  - host: 0.0.0.0  # default\n    port: 6005  # set in {file}, line 2\n",
        f"    port: 6006  # set in {file}, line 3, from SECOND\n",
        f"    http: https://node.example/...  # read from {tmp_path}/url, set in {file}, line 5\n",
        "    headers: {X-Key: '***'}  # set in",
        "  depth: 7  # set by XRPL_PROXY_LIMITS__DEPTH\n",
        f"  request: 300.0  # set in {file}, line 7\n",
        "      ca: null  # default\n",
    ):
        assert line in result.stdout, line


def test_what_it_prints_is_the_same_configuration(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "nodes: [{name: a, http: 'http://a'}]\nguard: {trusted_proxies: [10.0.0.0/8]}\n"
        "versions: {sunset: [{version: 1, date: 2027-06-30}]}\n"
    )
    printed = tmp_path / "printed.yaml"
    printed.write_text(run("config", "show", "--config", str(file)).stdout)
    assert load_settings(printed, {}) == load_settings(file, {})


def test_an_invalid_configuration_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("nodes: []")
    result = run("config", "show", "--config", str(file))
    assert result.exit_code == 1
    assert "nodes: expected a list of 1 to 100 nodes" in result.stderr


def test_the_schema_and_the_reference_are_printed() -> None:
    assert yaml.safe_load(run("config", "schema").stdout)["title"] == "xrpl-version-proxy"
    assert run("config", "reference").stdout == (Path(__file__).parents[2] / "docs/configuration.md").read_text()


def test_the_environment_alone_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {"XRPL_PROXY_NODES__0__NAME": "a", "XRPL_PROXY_NODES__0__HTTP": "http://127.0.0.1:1"}
    environ |= {"XRPL_PROXY_LISTEN__PORT": "0", "XRPL_PROXY_OBSERVE__PORT": "0"}
    result = run("check-config", **environ)
    assert result.exit_code == 0
    assert result.stdout.startswith("the environment: the configuration is valid\n")
    assert "    name: a  # set by XRPL_PROXY_NODES__0__NAME" not in result.stdout
    assert "- name: a  # set by XRPL_PROXY_NODES__0__NAME" in run("config", "show", **environ).stdout
    invalid = run("check-config", **environ, XRPL_PROXY_LIMITS__DEPTH="x")
    assert invalid.stderr.splitlines()[-1] == "xrpl-version-proxy: the environment: the configuration has 1 error"
    Path("config.yaml").write_text("limits: {depth: 3}")  # a file that is there is read
    assert "depth: 3  # set in config.yaml, line 1" in run("config", "show", **environ).stdout


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    environ = {"XRPL_PROXY_NODES": "[{name: a, http: 'http://a'}]"}
    assert "cannot be read" in run("check-config", "--config", str(tmp_path / "none.yaml"), **environ).stderr
