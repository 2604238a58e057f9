"""The documents are what they say they are, whole, and the same wherever they are asked for."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from click.testing import CliRunner
from openapi_spec_validator import OpenAPIV31SpecValidator

from adapters import VERSIONS
from adapters.errors import ERRORS
from proxy.commands.spec import spec
from proxy.envelope.methods import GRPC_METHODS, KNOWN_METHODS
from proxy.nodes.readiness import Readiness
from proxy.observe.server import ObserveServer
from proxy.spec import asyncapi, openapi, versions
from proxy.telemetry.metrics import Metrics
from tests.support.validation import document

PARSER = Path(__file__).parent / "asyncapi_parser"
# In CI what cannot be checked is a failure, elsewhere it is left out.
IN_CI = bool(os.environ.get("CI"))
METHODS = KNOWN_METHODS - GRPC_METHODS
# Gone after version 1.
OLD_METHODS = {"ledger_header", "tx_history"}
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@pytest.mark.slow
@pytest.mark.parametrize("version", versions())
def test_openapi_is_valid(version: int) -> None:
    errors = [error.message for error in OpenAPIV31SpecValidator(document("openapi", version)).iter_errors()]
    assert not errors


@pytest.mark.slow
def test_openapi_validator_finds_faults() -> None:
    broken = openapi(2)
    broken["paths"]["/fee"]["post"]["operationId"] = "tx"
    (error,) = OpenAPIV31SpecValidator(broken).iter_errors()
    assert "'tx' for" in error.message


@pytest.fixture(scope="session")
def asyncapi_parser() -> Path:
    """The AsyncAPI parser, installed from its lock where it is not yet."""

    def leave_out(why: str) -> None:
        if IN_CI:
            pytest.fail(why)
        pytest.skip(why)

    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        leave_out("Node.js is not there, which the AsyncAPI parser runs on")
    elif not (PARSER / "node_modules" / "@asyncapi" / "parser").is_dir():
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        made = subprocess.run(command, cwd=PARSER, capture_output=True, text=True, timeout=300, check=False)
        if made.returncode:
            leave_out(f"the AsyncAPI parser cannot be installed: {made.stderr[-500:]}")
    return PARSER / "check.mjs"


def parse(check: Path, documents: list[Path]) -> subprocess.CompletedProcess[str]:
    command = ["node", str(check), *map(str, documents)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_asyncapi_is_valid(asyncapi_parser: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"v{version}.json" for version in versions()]
    for version, path in zip(versions(), paths, strict=True):
        path.write_text(json.dumps(document("asyncapi", version)))
    parsed = parse(asyncapi_parser, paths)
    assert parsed.returncode == 0, parsed.stdout + parsed.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_asyncapi_parser_finds_faults(asyncapi_parser: Path, tmp_path: Path) -> None:
    """A small document, with a reference that leads nowhere."""
    broken = asyncapi(2)
    for part in ("channels", "operations"):
        broken[part] = {name: broken[part][name] for name in ("pushed", "push.transaction") if name in broken[part]}
    broken["operations"]["push.transaction"]["channel"] = {"$ref": "#/channels/no_such"}
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(broken))
    parsed = parse(asyncapi_parser, [path])
    assert parsed.returncode == 1
    assert "no_such" in parsed.stdout


@pytest.mark.parametrize("version", versions())
def test_every_method_is_described(version: int) -> None:
    known = METHODS - (OLD_METHODS if version > 1 else set())
    operations = document("asyncapi", version)["operations"]
    asked = {name for name, operation in operations.items() if operation["action"] == "receive"}
    assert asked == known
    paths = set(document("openapi", version)["paths"])
    assert paths == {"/", "/batch"} | {f"/{name}" for name in known - {"path_find", "subscribe", "unsubscribe"}}


@pytest.mark.parametrize("kind", ["openapi", "asyncapi"])
@pytest.mark.parametrize("version", versions())
def test_references_lead_somewhere(kind: str, version: int) -> None:
    reported = document(kind, version)

    def references(value: Any) -> set[str]:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        own = {value["$ref"]} if isinstance(value, dict) and isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, inner))

    found = references(reported)
    assert len(found) > 200
    for reference in found:
        place: Any = reported
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]


def test_changed_methods_inherit_from_a_base() -> None:
    v1, v2, v3 = (document("openapi", version)["components"]["schemas"] for version in (1, 2, 3))
    base = "AccountInfoSuccessResponseBase"
    assert v1[base] == v2[base] == v3[base]
    for schemas, name, other in ((v1, "V1", "V2"), (v2, "V2", "V1"), (v3, "V2", "V3")):
        inherits = schemas[f"AccountInfoSuccessResponse{name}"]["allOf"][0]
        assert inherits == {"$ref": f"#/components/schemas/{base}"}
        assert f"AccountInfoSuccessResponse{other}" not in schemas
    assert v1["AccountLinesSuccessResponse"] == v3["AccountLinesSuccessResponse"]


def test_every_error_has_its_code() -> None:
    reported = document("openapi", 1)["components"]["schemas"]["ErrorCodes"]["anyOf"]
    codes = {
        each["properties"]["error"]["const"]: each["properties"]["error_code"]["const"]
        for each in reported
        if "error_code" in each["properties"]
    }
    assert codes == {token: error.code for token, error in ERRORS.items()}


@pytest.mark.parametrize("version", versions())
def test_command(version: int) -> None:
    def printed(*options: str) -> str:
        result = CliRunner().invoke(spec, ["--api-version", str(version), *options])
        assert result.exit_code == 0, result.output
        return result.output

    assert json.loads(printed()) == openapi(version)
    assert json.loads(printed("--asyncapi")) == asyncapi(version)
    assert yaml.load(printed("--yaml"), Loader=LOADER) == openapi(version)


def test_command_names_the_versions_there_are() -> None:
    result = CliRunner().invoke(spec, ["--api-version", "9"])
    assert result.exit_code == 2
    assert f"versions 1 to {VERSIONS.newest}, not 9" in result.output


async def test_served() -> None:
    server = ObserveServer("127.0.0.1", 0, version="1", metrics=Metrics("1"), readiness=lambda: Readiness(()))
    await server.start()
    try:
        async with aiohttp.ClientSession(server.url) as session:
            for version in versions():
                async with session.get(f"/openapi/v{version}.json") as response:
                    assert await response.json() == openapi(version)
                async with session.get(f"/asyncapi/v{version}.json") as response:
                    assert await response.json() == asyncapi(version)
            async with session.get("/openapi/v9.json") as response:
                assert response.status == 404
                assert ", ".join(f"v{version}.json" for version in versions()) in await response.text()
            async with session.get("/spec") as response:
                assert response.content_type == "text/html"
                assert 'href="spec/1-2#account_info"' in await response.text()
            async with session.get("/spec/2-1") as response:
                assert response.status == 404
                assert "Available: 1-2" in await response.text()
            async with session.get("/spec/1-2") as response:
                assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
                page = await response.text()
    finally:
        await server.stop()
    for name in METHODS:
        assert f'id="{name}"' in page
    assert "//" not in page.replace("<!doctype html>", "")  # nothing from elsewhere
