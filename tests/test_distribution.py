"""What `make dist` makes: twice the same, small, and of use in an environment that has nothing else."""

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import venv
from asyncio.subprocess import PIPE
from pathlib import Path

import aiohttp
import pytest

import proxy
from tests.support.programs import until_left

ROOT = Path(__file__).parent.parent
NODES = "[{name: a, http: 'http://a'}]"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def run(*command: str | Path, cwd: Path, **environ: str) -> str:
    """What a command that succeeds prints."""
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=clean_environment() | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("XRPL_PROXY_", "PYTHON"))}


def made_in(folder: Path) -> dict[str, bytes]:
    """The files of `make dist` in a copy of the tree."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).splitlines()
    for name in listed:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    # The environment of these tests has what the target needs: it is not made again.
    there = [part for stamp in (".can-run", ".made-from-lock") for part in ("-o", f"{sys.prefix}/{stamp}")]
    git = run("git", "rev-parse", "--absolute-git-dir", cwd=ROOT).strip()
    run("make", *there, f"VENV={sys.prefix}", "dist", cwd=folder, GIT_DIR=git)
    return {path.name: path.read_bytes() for path in (folder / "dist").iterdir()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return made_in(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def installed(made: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel and the locked packages that it needs."""
    folder = tmp_path_factory.mktemp("clean")
    (name,) = (name for name in made if name.endswith(".whl"))
    (folder / name).write_bytes(made[name])
    venv.create(folder / "venv", with_pip=True)
    pip: list[str | Path] = [
        folder / "venv" / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    # From pip's cache, where the environment of these tests was made from the same lock.
    run(*pip, "--only-binary", ":all:", "--require-hashes", "--requirement", ROOT / "requirements.txt", cwd=folder)
    run(*pip, "--no-deps", "--no-index", folder / name, cwd=folder)
    return folder / "venv" / "bin"


def test_the_same_tree_gives_the_same_files(made: dict[str, bytes], tmp_path: Path) -> None:
    assert sorted(made) == [
        f"xrpl_version_proxy-{proxy.__version__}-py3-none-any.whl",
        f"xrpl_version_proxy-{proxy.__version__}.tar.gz",
    ]
    assert made_in(tmp_path) == made


def test_the_wheel_is_small(made: dict[str, bytes]) -> None:
    (wheel,) = (content for name, content in made.items() if name.endswith(".whl"))
    assert len(wheel) < 1_500_000


def test_the_wheel_has_what_it_needs(installed: Path, tmp_path: Path) -> None:
    run(installed / "python", "-m", "pip", "check", cwd=tmp_path)
    command = installed / "xrpl-version-proxy"
    assert run(command, "--version", cwd=tmp_path) == f"xrpl-version-proxy {proxy.__version__}\n"
    summary = run(command, "check-config", "--config", ROOT / "config.yaml", cwd=tmp_path)
    assert "the configuration is valid" in summary
    for name in re.findall(
        r"^  ([a-z-]+) ", run(command, "--help", cwd=tmp_path).partition("Commands:")[2], re.MULTILINE
    ):
        run(command, name, "--help", cwd=tmp_path)


def test_the_sbom_lists_the_packages_of_the_image() -> None:
    run("make", "sbom", cwd=ROOT)
    made = json.loads((ROOT / "build" / "sbom.cdx.json").read_text())
    assert made["metadata"]["component"]["name"] == "xrpl-version-proxy"
    locked = dict(re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements-image.txt").read_text(), re.MULTILINE))
    assert {each["name"]: each["version"] for each in made["components"]} == locked


async def test_the_demo_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    command: list[str | Path] = [installed / "xrpl-version-proxy", "demo", "--port", "0", "--observe-port", "0"]
    process = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, stdout=PIPE, env=clean_environment())
    async with until_left(process):
        assert process.stdout is not None
        async with asyncio.timeout(60), aiohttp.ClientSession() as http:
            printed = (await process.stdout.readuntil(b"Ctrl-C stops it.")).decode()
            line = next(line for line in printed.splitlines() if line.startswith("curl"))
            _, _, url, _, body = shlex.split(line)
            async with http.post(url, data=body) as response:
                assert (await response.json(content_type=None))["result"]["status"] == "success"
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0


@pytest.mark.parametrize("has_pip", [True, False], ids=["pip", "no-pip"])
def test_the_command_for_a_missing_extra_installs_it(installed: Path, tmp_path: Path, has_pip: bool) -> None:
    """TLS is the smallest; the others are installed by the same command."""
    folder = tmp_path / "venv"
    venv.create(folder, with_pip=has_pip)
    (packages,) = (installed.parent / "lib").glob("python*/site-packages")
    others = folder / packages.relative_to(installed.parent)
    shutil.copytree(packages, others, ignore=shutil.ignore_patterns("pip*"), dirs_exist_ok=True)
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 9 -subj /CN=localhost"
    run("openssl", *options.split(), "-out", certificate, "-keyout", key, cwd=tmp_path)
    tls = {"XRPL_PROXY_LISTEN__TLS__CERTIFICATE": str(certificate), "XRPL_PROXY_LISTEN__TLS__KEY": str(key)}
    check = [str(folder / "bin" / "python"), "-m", "proxy", "check-config"]

    environ = clean_environment() | tls | {"XRPL_PROXY_NODES": NODES}
    before = subprocess.run(check, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert before.returncode == 1
    found = re.search(r"TLS needs more packages: (.+?) \(set", before.stderr)
    assert found, before.stderr
    command = shlex.split(found[1])
    run(*command, cwd=tmp_path, PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert "valid" in run(*check, cwd=tmp_path, XRPL_PROXY_NODES=NODES, **tls)
