"""The workflows of CI and release, as far as they can be checked without running them."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.installed import DEPLOY, output_of

TREE = DEPLOY.parent
WORKFLOWS = sorted((TREE / ".github" / "workflows").glob("*.yaml"))


def jobs(file: Path) -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text())["jobs"]
    return loaded


def test_zizmor_has_nothing_to_say() -> None:
    """It reads what GitHub reads, and looks for what lets others into a release."""
    output_of("zizmor", "--offline", "--no-progress", "--strict-collection", *WORKFLOWS)


def test_they_are_as_their_schema_says() -> None:
    output_of("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_actions_are_pinned_to_commits_and_name_their_release(file: Path) -> None:
    used = re.findall(r"uses: (.*)", file.read_text())
    assert used
    assert [line for line in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_what_they_run_is_there(file: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (TREE / "Makefile").read_text(), re.MULTILINE))
    runs = [step["run"] for job in jobs(file).values() for step in job["steps"] if "run" in step]
    assert set(re.findall(r"^make (\S+)", "\n".join(runs), re.MULTILINE)) <= targets
    for script in re.findall(r"^bash (\S+)", "\n".join(runs), re.MULTILINE):
        assert (TREE / script).exists()


def test_ci_runs_the_versions_of_python_that_the_package_claims() -> None:
    (ci,) = (file for file in WORKFLOWS if file.stem == "ci")
    claimed = tomllib.loads((TREE / "pyproject.toml").read_text())["project"]["classifiers"]
    versions = [line.rpartition(" ")[2] for line in claimed if re.search(r":: 3\.\d+$", line)]
    assert jobs(ci)["test"]["strategy"]["matrix"]["python"] == versions


def test_a_release_puts_the_published_image_into_the_chart(tmp_path: Path) -> None:
    """Its own sed, on the values as they are."""
    (release,) = (file for file in WORKFLOWS if file.stem == "release")
    script = next(step["run"] for step in jobs(release)["chart"]["steps"] if "sed -i" in step.get("run", ""))
    (line,) = re.findall(r"^sed -i .*$", script, re.MULTILINE)
    (tmp_path / "values.yaml").write_text((DEPLOY / "helm/xrpl-version-proxy/values.yaml").read_text())
    digest = "sha256:" + "0" * 64
    output_of("bash", "-c", f"chart={tmp_path} PLACE=registry.example/owner DIGEST={digest}\n{line}")
    image = yaml.safe_load((tmp_path / "values.yaml").read_text())["image"]
    assert (image["repository"], image["digest"]) == ("registry.example/owner/xrpl-version-proxy", digest)


def test_a_release_has_its_part_of_the_changelog_as_notes(tmp_path: Path) -> None:
    """Its own sed: of a release in the middle and of the oldest one."""
    (release,) = (file for file in WORKFLOWS if file.stem == "release")
    script = next(step["run"] for step in jobs(release)["publish"]["steps"] if "CHANGELOG.md" in step.get("run", ""))
    (line,) = re.findall(r"^sed .*$", script, re.MULTILINE)
    titles = ["## [Unreleased]", "## [0.2.0] - 2027-01-01", "## [0.1.0] - 2026-11-21"]
    (tmp_path / "CHANGELOG.md").write_text("\n\n".join(f"{title}\n\nAbout {title[4:9]}." for title in titles))
    for version in ("0.2.0", "0.1.0"):
        output_of("bash", "-c", f"cd {tmp_path} && GITHUB_REF_NAME=v{version}\n{line}")
        assert (tmp_path / "notes.md").read_text().strip() == f"About {version}."
