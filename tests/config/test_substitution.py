"""Environment variables in the values of the file."""

from pathlib import Path

import pytest

from proxy.config import load_settings
from proxy.config.load import load_with_origins
from tests.support.configuration import problems


def write(folder: Path, text: str) -> Path:
    file = folder / "config.yaml"
    file.write_text(f"nodes: [{{name: a, http: 'http://a'}}]\n{text}\n")
    return file


def test_a_value_gets_the_type_that_its_key_needs(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """\
listen:
  port: ${PORT}
  host: ${HOST}
guard: {trusted_proxies: "${NETWORKS}"}
timeouts: {request: "${SECONDS}s"}
cors: {origins: ["https://${NAME}.example"]}
""",
    )
    environ = {"PORT": "6005", "HOST": "127.0.0.1", "NETWORKS": "[10.0.0.0/8]", "SECONDS": "5", "NAME": "wallet"}
    settings = load_settings(file, environ)
    assert settings.listeners[0].port == 6005
    assert settings.listeners[0].host == "127.0.0.1"
    assert [str(network) for network in settings.guard.trusted_proxies] == ["10.0.0.0/8"]
    assert settings.timeouts.request == 5
    assert settings.cors.origins == ("https://wallet.example",)


@pytest.mark.parametrize(
    ("text", "environ", "name"),
    [
        ("${NAME:-b}", {}, "b"),
        ("${NAME:-b}", {"NAME": ""}, "b"),
        ("${NAME:-b}", {"NAME": "c"}, "c"),
        ("${A}-${B:-2}", {"A": "1"}, "1-2"),
        ("${NAME}", {"NAME": "007"}, "007"),
    ],
)
def test_defaults_and_texts(tmp_path: Path, text: str, environ: dict[str, str], name: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"nodes: [{{name: '{text}', http: 'http://a'}}]")
    assert load_settings(file, environ).nodes[0].name == name


def test_the_escape_and_a_dollar_alone_are_literal(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("nodes: [{name: a, http: 'http://a/$${KEY}/$KEY/$'}]")
    assert load_settings(file, {"KEY": "x"}).nodes[0].http == "http://a/${KEY}/$KEY/$"


def test_a_variable_is_not_expanded_again(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("nodes: [{name: a, http: 'http://a/${KEY}'}]")
    assert load_settings(file, {"KEY": "${OTHER}"}).nodes[0].http == "http://a/${OTHER}"


def test_what_cannot_be_substituted_is_reported_with_its_place(tmp_path: Path) -> None:
    file = write(
        tmp_path, 'listen: {port: "${PORT}", host: "${HOST"}\nlimits: {depth: "${DEPTH}"}\ncache: {bytes: "${SIZE}"}'
    )
    said = problems(file, {"DEPTH": "[", "SIZE": "many"})
    assert said["listen.port"] == (
        "listen.port: environment variable PORT is not set; set it, or write ${PORT:-default} "
        f"(set in {file}, line 2)"
    )
    assert said["listen.host"].startswith(
        "listen.host: expected ${NAME} or ${NAME:-default}; write $${ for a literal ${"
    )
    assert said["limits.depth"].startswith("limits.depth: expected YAML after substitution")
    assert said["cache.bytes"].endswith(f'got "many" (set in {file}, line 4, from SIZE)')
    assert len(said) == 4


def test_variables_of_the_environment_itself_are_not_expanded(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, ""), {"XRPL_PROXY_NODES__0__HTTP": "http://a/${X}"})
    assert settings.nodes[0].http == "http://a/${X}"


def test_the_origin_names_the_variable(tmp_path: Path) -> None:
    file = write(tmp_path, 'listen: {port: "${PORT}"}')
    loaded = load_with_origins(file, {"PORT": "1"})
    assert loaded.origins["listen", "port"] == f"set in {file}, line 2, from PORT"
