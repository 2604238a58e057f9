"""The command line, as one types it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import proxy
from proxy.cli import main

ROOT = Path(__file__).parent.parent


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.yaml"
    path.write_text(
        "listen: {host: '::1', port: 0}\nobserve: {port: 0}\nversions: {max: 3}\n"
        "nodes: [{name: mine, http: 'https://node.example/key-of-ours', api_version: 2}]\n"
        "guard: {trusted_proxies: [10.0.0.0/8]}\n"
    )
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.yaml"
    path.write_text("listen: {port: 70000}\nnods: []\n")
    return path


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def run(*arguments: object, **environ: str) -> Result:
    return CliRunner().invoke(
        main, [str(argument) for argument in arguments], env=environ, prog_name="xrpl-version-proxy"
    )


def python_m_proxy(*arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("XRPL_PROXY_")}
    environ["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-m", "proxy", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize("command", [[], ["serve"], ["check-config"], ["demo"]])
def test_help_is_everywhere(command: list[str], flag: str) -> None:
    result = run(*command, flag)
    assert result.exit_code == 0
    assert result.output.startswith("Usage: xrpl-version-proxy")


def test_a_sound_configuration_is_summed_up(good: Path) -> None:
    result = run("check-config", "--config", good)
    assert result.exit_code == 0
    assert result.stderr == ""
    for words in (
        f"{good}: the configuration is valid",
        "[::1]:0",
        "127.0.0.1:0",
        "1 to 3",
        "mine: API version 2, https://node.example/..., no WebSocket",
        "request_bytes=1000000",
        "trusted_proxies=[10.0.0.0/8]",
        "allow_admin_credentials=false",
    ):
        assert words in result.stdout
    assert "key-of-ours" not in result.stdout


@pytest.mark.parametrize("command", ["check-config", "serve"])
def test_every_problem_of_a_configuration_is_printed_on_stderr(command: str, bad: Path) -> None:
    result = run(command, "--config", bad)
    assert result.exit_code == 1
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert f"listen.port: expected a TCP port between 0 and 65535, got 70000 (set in {bad}, line 1)" in lines
    assert f"nods: unknown key; did you mean nodes? (set in {bad}, line 2)" in lines
    assert any(line.startswith("nodes: missing") for line in lines)
    assert lines[-1] == f"xrpl-version-proxy: {bad}: the configuration has 3 errors"


def test_the_file_is_named_by_option_else_by_variable_else_by_its_usual_name(
    good: Path, bad: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("check-config", XRPL_PROXY_CONFIG=str(good)).exit_code == 0
    assert run("check-config", "--config", good, XRPL_PROXY_CONFIG=str(bad)).exit_code == 0
    monkeypatch.chdir(good.parent)
    assert "config.yaml: cannot be read: no such file" in run("check-config").stderr
    good.rename(good.parent / "config.yaml")
    assert run("check-config").exit_code == 0


def test_a_loopback_listener_without_trusted_proxies_is_warned_of(good: Path) -> None:
    assert "warning" not in run("check-config", "--config", good).stdout
    result = run("check-config", "--config", good, XRPL_PROXY_GUARD__TRUSTED_PROXIES="[]")
    assert "guard.trusted_proxies is empty" in result.stdout


def test_variables_reach_the_configuration(good: Path) -> None:
    assert "depth=7" in run("check-config", "--config", good, XRPL_PROXY_LIMITS__DEPTH="7").stdout
    assert run("check-config", "--config", good, XRPL_PROXY_LIMITS__DEPTH="x").exit_code == 1


def test_serve_says_in_one_line_that_its_port_is_taken(good: Path, taken: int) -> None:
    good.write_text(
        f"listen: {{host: 127.0.0.1, port: {taken}}}\nobserve: {{port: 0}}\nnodes: [{{name: a, http: 'http://127.0.0.1:9'}}]\n"
    )
    result = python_m_proxy("serve", "--config", good)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        f"xrpl-version-proxy: cannot listen at 127.0.0.1:{taken}: address already in use"
    )
    assert "Traceback" not in result.stderr


def test_demo_says_in_one_line_that_its_port_is_taken(taken: int) -> None:
    result = python_m_proxy("demo", "--port", taken, "--observe-port", 0)
    assert result.returncode == 1
    assert str(taken) in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "arguments", [["demo", "--api-version", "99"], ["demo", "--port", "70000"], ["serv"], ["serve", "x"]]
)
def test_a_typing_error_prints_the_usage(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage:")


def test_python_m_proxy_is_the_same_command(good: Path, bad: Path) -> None:
    assert python_m_proxy("--version").stdout == f"xrpl-version-proxy {proxy.__version__}\n"
    assert python_m_proxy("check-config", "--config", good).returncode == 0
    refused = python_m_proxy("check-config", "--config", bad)
    assert refused.returncode == 1
    assert "listen.port: expected" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_default_file_is_sound() -> None:
    assert python_m_proxy("check-config").returncode == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert "xrpl-version-proxy" in result.stdout


def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    """As bash asks: the script sets COMP_WORDS and COMP_CWORD, and calls the command by its name."""
    program = tmp_path / "xrpl-version-proxy"
    program.write_text(f"#!{sys.executable}\nfrom proxy.cli import main\nmain()\n")
    program.chmod(0o755)
    script = (
        'eval "$(xrpl-version-proxy completion bash)"; COMP_WORDS=(xrpl-version-proxy {words}); COMP_CWORD={at}; '
        '_xrpl_version_proxy_completion xrpl-version-proxy; echo "${{COMPREPLY[@]}}"'
    )

    def completed(*words: str) -> list[str]:
        command = ["bash", "-c", script.format(words=" ".join(words), at=len(words))]
        environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.split()

    assert completed("ch") == ["changes", "check-config"]
    assert completed("serve", "--co") == ["--config"]
