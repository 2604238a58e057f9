"""The image and the compose file, as far as they can be looked at without Docker's daemon."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from proxy.config import load_settings
from tests.support.installed import DEPLOY, DOCS, output_of
from tests.support.programs import until_left
from tests.support.start import StartNode, StartProxy

TREE = DEPLOY.parent
DOCKERFILE = DEPLOY / "Dockerfile"
COMPOSE = DEPLOY / "compose.yaml"


def test_hadolint_has_nothing_to_say() -> None:
    assert output_of("hadolint", DOCKERFILE) == ""


def test_what_the_image_is_made_of_is_let_in() -> None:
    allowed = re.findall(r"^!(\S+)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
    copied = list(dict.fromkeys(name for names in copies for name in names.split()))
    assert sorted(allowed) == sorted(copied)
    assert all((TREE / path).exists() for path in copied)


def test_the_image_is_pinned_and_runs_as_nobody() -> None:
    text = DOCKERFILE.read_text()
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+", bases[0])
    assert re.findall(r"^USER (\S+)", text, re.MULTILINE) == ["10001:10001"]
    assert "--require-hashes" in text


def test_the_image_has_its_labels() -> None:
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', DOCKERFILE.read_text()))
    assert labels["licenses"] == "MIT"
    assert labels.keys() >= {"title", "description", "version", "revision", "created", "source"}


def test_the_lock_of_the_image_has_the_extras_at_the_versions_that_are_tested() -> None:
    def pins(file: str) -> set[str]:
        return set(re.findall(r"^([\w.-]+==[^ ]+)", (TREE / file).read_text(), re.MULTILINE))

    names = {pin.partition("==")[0] for pin in pins("requirements-image.txt")}
    assert names >= {"grpcio", "grpcio-health-checking", "opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"}
    assert "cryptography" in names
    assert pins("requirements.txt") <= pins("requirements-image.txt") <= pins("requirements-dev.txt")
    assert pins("requirements-build.txt") <= pins("requirements-dev.txt")


def test_compose_takes_the_file() -> None:
    output_of("docker-compose", "--file", COMPOSE, "config", "--quiet")


def test_the_compose_file_is_as_the_specification_says() -> None:
    output_of("check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)


def services() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return loaded


def test_the_proxy_of_the_compose_file_has_a_sound_configuration() -> None:
    settings = load_settings(None, services()["proxy"]["environment"])
    assert [(node.name, node.http, node.websocket) for node in settings.nodes] == [
        ("demo", "http://demo-node:5005", "ws://demo-node:6006")
    ]


def test_the_documented_docker_run_configures_the_image_with_its_environment_alone() -> None:
    (command,) = re.findall(r"docker run (?:.+\\\n)+.+", (DOCS / "operations.md").read_text())
    given = dict(re.findall(r"--env (\w+)=(\S+)", command))
    own = dict(re.findall(r"^(?:ENV|   ) (XRPL_PROXY_\w+)=(\S+)", DOCKERFILE.read_text(), re.MULTILINE))
    settings = load_settings(None, own | given)
    (node,) = settings.nodes
    assert (node.http, node.websocket) == ("http://10.0.0.5:5015", "ws://10.0.0.5:6016")
    assert settings.observe.host == "0.0.0.0"  # what Docker publishes is not the container's 127.0.0.1
    assert "config.yaml" not in "".join(re.findall(r"^COPY.*", DOCKERFILE.read_text(), re.MULTILINE))


def test_what_is_mounted_is_there_and_nothing_is_open_to_the_world() -> None:
    for service in services().values():
        for volume in service.get("volumes", []):
            source, _, _ = volume.partition(":")
            assert not source.startswith(".") or (DEPLOY / source).exists(), source
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


async def test_the_demo_node_of_the_compose_file_answers(unused_tcp_port_factory: Any) -> None:
    ports = unused_tcp_port_factory(), unused_tcp_port_factory()
    # The file as it is, on free ports of this machine.
    start = f"import asyncio, runpy; m = runpy.run_path({str(DEPLOY / 'compose' / 'demo_node.py')!r}); " + (
        f"asyncio.run(m['serve'](2, '127.0.0.1', *{ports}))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", start, cwd=TREE)
    async with until_left(process), asyncio.timeout(20), aiohttp.ClientSession() as http:
        request = {"method": "server_info", "params": [{"api_version": 2}]}
        answer: dict[str, Any] | None = None
        while answer is None:
            try:
                async with http.post(f"http://127.0.0.1:{ports[0]}/", json=request) as response:
                    answer = await response.json()
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.1)
        assert answer["result"]["status"] == "success"
        async with http.ws_connect(f"ws://127.0.0.1:{ports[1]}/"):
            pass
        process.terminate()
        assert await process.wait() == 0


async def test_the_health_check_distinguishes_a_running_proxy(demo_node: StartNode, proxy: StartProxy) -> None:
    found = re.search(r'CMD \["python", "-c", "(.+)"\]', DOCKERFILE.read_text())
    assert found
    served = await proxy(await demo_node(2))

    async def checked() -> int:
        check = found[1].replace("http://127.0.0.1:9652", observe)
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", check, stderr=subprocess.DEVNULL)
        async with asyncio.timeout(20):
            return await process.wait()

    observe = served.observe_url
    assert await checked() == 0
    await served.stop()
    assert await checked() == 1


@pytest.mark.parametrize("file", [DOCKERFILE, COMPOSE], ids=lambda file: file.name)
def test_no_image_floats(file: Path) -> None:
    images = re.findall(r"^(?:FROM|\s+image:) (\S+)", file.read_text(), re.MULTILINE)
    assert images
    assert all(":" in image or image == "xrpl-version-proxy" for image in images)
    assert not any(image.endswith(":latest") for image in images)
