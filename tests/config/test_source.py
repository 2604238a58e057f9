"""Which changes of the configuration's files are reported, and when."""

from pathlib import Path

import pytest

from proxy.config import ConfigSource, ConfigurationError

PLAIN = "nodes: [{name: a, http: 'http://a'}]\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(PLAIN)
    return path


def test_a_change_is_reported_once_and_when_it_is_finished(file: Path) -> None:
    source = ConfigSource(file)
    source.read()
    assert not source.has_changed()
    file.write_text("")  # as some editors begin
    assert not source.has_changed()
    file.write_text(PLAIN + "workers: 2\n")
    assert not source.has_changed()
    assert source.has_changed()
    assert not source.has_changed()


def test_what_has_been_read_is_no_change(file: Path) -> None:
    source = ConfigSource(file)
    source.read()
    file.write_text(PLAIN + "workers: 2\n")
    assert not source.has_changed()
    assert source.read().workers == 2
    assert [source.has_changed() for _ in range(3)] == [False] * 3


def test_files_of_secrets_are_watched_though_they_are_missing(file: Path, tmp_path: Path) -> None:
    source = ConfigSource(file)
    source.read()
    secret = tmp_path / "url"
    file.write_text(f"nodes: [{{name: a, http_file: {secret}}}]\n")
    with pytest.raises(ConfigurationError):
        source.read()
    assert [source.has_changed() for _ in range(2)] == [False, False]
    secret.write_text("http://a/key")
    assert [source.has_changed() for _ in range(2)] == [False, True]
    assert source.read().nodes[0].http == "http://a/key"


def test_a_configuration_from_the_environment_alone_never_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XRPL_PROXY_NODES", "[{name: a, http: 'http://a'}]")
    source = ConfigSource(None)
    source.read()
    assert [source.has_changed() for _ in range(2)] == [False, False]
