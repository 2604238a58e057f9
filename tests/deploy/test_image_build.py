"""The image, built from the Dockerfile and run: on a base with Debian's own Python, which needs no registry."""

import asyncio
import json
import os
import re
import shutil
import subprocess
from asyncio.subprocess import DEVNULL
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

import proxy
from proxy.demo import DemoNode
from tests.support.installed import DEPLOY, program
from tests.support.processes import free_port
from tests.support.programs import until_left
from tests.support.start import StartNode

TREE = DEPLOY.parent
DOCKERFILE = DEPLOY / "Dockerfile"
COMMAND = "/opt/xrpl-version-proxy/bin/xrpl-version-proxy"
PYTHON = "/opt/xrpl-version-proxy/bin/python"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class Image(NamedTuple):
    """Its configuration as Docker has it, and the folder with its files."""

    config: dict[str, Any]
    root: Path

    def command(self, *words: str) -> list[str]:
        """What runs a program of the image on its files as its user, whose processes have no other files."""
        return [program("chroot"), f"--userspec={self.config['User']}", str(self.root), *words]

    def environment(self, **more: str) -> dict[str, str]:
        return dict(pair.split("=", 1) for pair in self.config["Env"]) | more

    def output(self, *words: str) -> str:
        done = subprocess.run(
            self.command(*words), env=self.environment(), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def do(*command: str | Path, **environ: str) -> str:
    done = subprocess.run(
        [program(str(command[0])), *map(str, command[1:])],
        env=os.environ | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout.strip()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    folder = tmp_path_factory.mktemp("image")
    base = folder / "base"
    # The Python that the Dockerfile's base has in /usr/local is here an environment of Debian's, with a pip of its own.
    do("debootstrap", "--variant=minbase", "--include=python3-venv,ca-certificates", "bookworm", base)
    do("chroot", base, "python3", "-m", "venv", "/usr/local")
    certificates = Path("etc/ssl/certs/ca-certificates.crt")
    shutil.copyfile(Path("/") / certificates, base / certificates)
    (base / "etc" / "pip.conf").write_text(f"[global]\ncert = /{certificates}\n")
    buildah: list[str | Path] = [
        "buildah",
        "--root",
        folder / "images",
        "--runroot",
        folder / "run",
        "--storage-driver",
        "vfs",
    ]
    environ = {"BUILDAH_ISOLATION": "chroot"}
    found = re.search(r"^FROM (\S+)", DOCKERFILE.read_text(), re.MULTILINE)
    assert found
    scratch = do(*buildah, "from", "scratch")
    do(*buildah, "add", "--quiet", scratch, base, "/")
    do(*buildah, "config", "--env", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", scratch)
    do(*buildah, "commit", "--quiet", "--rm", scratch, f"docker.io/library/{found[1]}")
    do(
        *(*buildah, "bud", "--pull-never", "--network", "host", "--format", "docker"),
        *("--build-arg", f"VERSION={proxy.__version__}", "--build-arg", "REVISION=abc"),
        *("--ignorefile", DEPLOY / "Dockerfile.dockerignore", "--file", DOCKERFILE, "--tag", "built", TREE),
        **environ,
    )
    container = do(*buildah, "from", "--pull-never", "localhost/built")
    try:
        root = Path(do(*buildah, "mount", container))
        yield Image(json.loads(do(*buildah, "inspect", container))["Docker"]["config"], root)
    finally:
        do(*buildah, "umount", "--all")
        shutil.rmtree(folder)


def owner_of(process: int) -> int:
    return Path(f"/proc/{process}").stat().st_uid


async def test_the_image_is_built_and_runs(image: Image, demo_node: StartNode) -> None:
    """One test, so that one process builds it."""
    has_the_package_with_its_metadata_and_extras_and_no_installer(image)
    has_labels_that_name_the_release(image)
    await serves_without_a_shell_as_nobody(image, await demo_node(2))


def has_the_package_with_its_metadata_and_extras_and_no_installer(image: Image) -> None:
    assert image.output(COMMAND, "--version") == f"xrpl-version-proxy {proxy.__version__}\n"
    script = "import importlib.metadata, grpc, grpc_health, opentelemetry.sdk, cryptography; "
    assert image.output(PYTHON, "-c", f"{script}print(importlib.metadata.version('xrpl-version-proxy'))").strip() == (
        proxy.__version__
    )
    assert not [path for path in (image.root / "opt").rglob("pip") if path.is_dir()]
    assert not list((image.root / "usr/local/lib").glob("python*/site-packages/pip"))
    # Compiled: the file system may be read-only.
    modules = list((image.root / "opt").rglob("site-packages/proxy/**/*.py"))
    assert len(modules) == len(list((image.root / "opt").rglob("site-packages/proxy/**/*.pyc"))) > 100


def has_labels_that_name_the_release(image: Image) -> None:
    labels = image.config["Labels"]
    assert labels["org.opencontainers.image.version"] == proxy.__version__
    assert labels["org.opencontainers.image.revision"] == "abc"


async def serves_without_a_shell_as_nobody(image: Image, node: DemoNode) -> None:
    for shell in ("sh", "dash", "bash"):
        (image.root / "bin" / shell).unlink(missing_ok=True)
    ports = {"client": free_port(), "observe": free_port()}
    environ = image.environment(
        XRPL_PROXY_LISTEN__PORT=str(ports["client"]),
        XRPL_PROXY_OBSERVE__PORT=str(ports["observe"]),
        XRPL_PROXY_NODES__0__HTTP=node.http_url,
        XRPL_PROXY_NODES__0__WEBSOCKET=node.websocket_url,
    )
    (entry,) = image.config["Entrypoint"]
    kind, _, *check = image.config["Healthcheck"]["Test"]
    assert (entry, kind) == ("xrpl-version-proxy", "CMD")  # no shell is asked to run it
    check = [word.replace(":9652", f":{ports['observe']}") for word in check]

    async def healthy() -> bool:
        asked = await asyncio.create_subprocess_exec(*image.command(PYTHON, *check), env=environ, stderr=DEVNULL)
        return await asked.wait() == 0

    assert not await healthy()
    process = await asyncio.create_subprocess_exec(*image.command(COMMAND, *image.config["Cmd"]), env=environ)
    async with until_left(process):
        async with asyncio.timeout(60):
            while not await healthy():  # noqa: ASYNC110 - the check is a program
                await asyncio.sleep(0.1)
        assert owner_of(process.pid) == 10001
        async with aiohttp.ClientSession() as http:
            asked = {"method": "server_info", "params": [{"api_version": 2}]}
            async with http.post(f"http://127.0.0.1:{ports['client']}/", json=asked) as response:
                assert (await response.json())["result"]["status"] == "success"
        process.terminate()
        assert await process.wait() == 0
