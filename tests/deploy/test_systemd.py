"""The systemd unit, as systemd itself reads it."""

import re
import sys
from pathlib import Path

import yaml

from tests.support.installed import DEPLOY, output_of

UNIT = DEPLOY / "systemd" / "xrpl-version-proxy.service"


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    command = "/opt/xrpl-version-proxy/bin/xrpl-version-proxy"
    assert command in UNIT.read_text()
    installed = tmp_path / UNIT.name
    installed.write_text(UNIT.read_text().replace(command, sys.executable))
    assert output_of("systemd-analyze", "verify", installed) == ""


def test_the_unit_gives_little_away() -> None:
    # 2.0 of 10; what it may do is listen, connect and read.
    said = output_of("systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=20", UNIT)
    assert "OK" in said


def test_the_unit_and_the_compose_file_bear_many_workers() -> None:
    threads = 8 + 6 * 64
    found = re.search(r"^TasksMax=(\d+)$", UNIT.read_text(), re.MULTILINE)
    assert found
    assert int(found[1]) >= threads
    assert yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["proxy"]["pids_limit"] >= threads
