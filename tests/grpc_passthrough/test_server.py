"""A gRPC port from its start to its end: health, nodes that go, certificates, drain, and what is counted and logged."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
import structlog
import trustme
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from proxy.server.proxy import Proxy
from tests.support.client import check_stays, until
from tests.support.grpc_node import GET_LEDGER, Context, GrpcNode, Started, settings_for, streaming, unary
from tests.support.processes import free_port

SERVING, NOT_SERVING = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING


async def metrics_of(proxy: Proxy) -> str:
    async with aiohttp.ClientSession() as http, http.get(f"{proxy.observe_url}/metrics") as answer:
        return await answer.text()


async def grpc_problem_of(proxy: Proxy) -> str | None:
    async with aiohttp.ClientSession() as http, http.get(f"{proxy.observe_url}/ready") as answer:
        reported: str | None = (await answer.json())["nodes"][0]["grpc_problem"]
        return reported


async def status_of(channel: grpc.aio.Channel, service: str = "") -> int:
    health: Any = HealthStub(channel)
    answer: HealthCheckResponse = await health.Check(HealthCheckRequest(service=service), timeout=5)
    return answer.status


async def test_load_balancers_see_whether_calls_have_a_node(node: GrpcNode, served: Started) -> None:
    _, channel = await served(node)
    assert await status_of(channel) == SERVING
    assert await status_of(channel, "org.xrpl.rpc.v1.XRPLedgerAPIService") == SERVING
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await status_of(channel, "org.xrpl.rpc.v2.XRPLedgerAPIService")
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND


async def test_watchers_are_notified_of_changes(node: GrpcNode, served: Started) -> None:
    _, channel = await served(node)
    health: Any = HealthStub(channel)
    watching = health.Watch(HealthCheckRequest())
    seen = []
    async with asyncio.timeout(15):
        async for answer in watching:
            seen.append(answer.status)
            if len(seen) == 1:
                await node.stop_grpc()
            elif len(seen) == 2:
                await node.start_grpc()
            else:
                break
    watching.cancel()
    assert seen == [SERVING, NOT_SERVING, SERVING]


async def test_a_lost_node_is_reported_and_found_again(node: GrpcNode, served: Started) -> None:
    proxy, channel = await served(node)
    await unary(channel)(b"")
    await node.stop_grpc()
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await unary(channel)(b"")
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "127.0.0.1" not in str(raised.value.details())

    async def is_refused() -> bool:
        return await grpc_problem_of(proxy) == "refused"

    async def is_well() -> bool:
        return await grpc_problem_of(proxy) is None

    await until(is_refused)
    await node.start_grpc()
    await until(is_well)
    assert await unary(channel)(b"") == b"\x0a\x06ledger"


async def test_of_two_nodes_the_one_that_is_connected_is_called(served: Started) -> None:
    async with GrpcNode("node-1") as gone, GrpcNode("node-2") as there:
        await gone.stop_grpc()
        _, channel = await served(gone, there)
        for _ in range(5):
            await unary(channel)(b"")
        assert len(there.called) == 5


async def test_calls_are_counted_and_logged_as_requests_are(
    node: GrpcNode, served: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy, channel = await served(node, logging={"requests": "all"})
    await unary(channel)(b"\x10\x01", metadata=(("authorization", "Bearer hidden"),))
    for path in (GET_LEDGER.replace("v1", "v2"), GET_LEDGER.replace("GetLedger", "Whatever")):
        with pytest.raises(grpc.aio.AioRpcError):
            await unary(channel, path)(b"")
    counted = await metrics_of(proxy)
    labels = 'client_version="1",method="GetLedger",node_version="1",outcome="success",transport="grpc"'
    assert f"xrpl_proxy_requests_total{{{labels}}} 1.0" in counted
    assert 'xrpl_proxy_version_refused_total{reason="above_maximum",transport="grpc"} 1.0' in counted
    assert 'xrpl_proxy_refused_total{reason="unknown_method"} 1.0' in counted
    assert 'xrpl_proxy_node_method_duration_seconds_count{method="GetLedger",node="node-1"} 1.0' in counted
    assert "Whatever" not in counted
    logged = capsys.readouterr().out
    assert "transport=grpc" in logged
    assert "hidden" not in logged


def issue_certificate(authority: trustme.CA, paths: dict[str, Path]) -> None:
    issued = authority.issue_cert("127.0.0.1", "localhost")
    issued.private_key_pem.write_to_path(paths["key"])
    paths["certificate"].write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))


async def test_the_port_shows_the_listeners_certificate_and_its_successor(node: GrpcNode, tmp_path: Path) -> None:
    authority = trustme.CA()
    paths = {"certificate": tmp_path / "chain.pem", "key": tmp_path / "key.pem"}

    issue_certificate(authority, paths)
    listen = {"tls": {name: str(path) for name, path in paths.items()}, "port": 0, "grpc_port": 0}
    proxy = Proxy(settings_for(node, listen=listen))
    await proxy.start()
    try:
        credentials = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
        for _ in range(2):
            async with grpc.aio.secure_channel(f"localhost:{proxy.grpc_ports[0]}", credentials) as channel:
                assert await unary(channel)(b"", timeout=5) == b"\x0a\x06ledger"
            issue_certificate(authority, paths)
            await proxy.reload(settings_for(node, listen=listen))
    finally:
        await proxy.stop()


async def test_calls_in_flight_end_when_the_proxy_stops(node: GrpcNode, served: Started) -> None:
    release = asyncio.Event()

    async def wait(requests: AsyncIterator[bytes], context: Context) -> None:
        await context.write(b"first")
        await release.wait()
        await context.write(b"last")

    node.behaves = wait
    proxy, channel = await served(node)
    call = streaming(channel)(b"")
    assert await call.read() == b"first"
    stopping = asyncio.create_task(proxy.stop())
    await check_stays(lambda: not stopping.done(), 0.1)
    release.set()
    assert await call.read() == b"last"
    assert await call.code() is grpc.StatusCode.OK
    await stopping


async def test_a_reload_keeps_calls_and_applies_other_rules(node: GrpcNode, served: Started) -> None:
    listen = {"port": 0, "grpc_port": 0}
    proxy, channel = await served(node, listen=listen)
    await unary(channel)(b"")
    await proxy.reload(settings_for(node, listen=listen, grpc={"methods": ["Other"]}))
    await unary(channel, GET_LEDGER.replace("GetLedger", "Other"))(b"")
    await proxy.reload(settings_for(node, listen={"port": 0, "grpc_port": None}))
    assert proxy.grpc_ports == []


@pytest.mark.parametrize("change", [{"grpc": {"request_bytes": 20}}, {"limits": {"connections": 7}}])
async def test_limits_of_an_open_port_are_named_as_what_needs_a_restart(
    node: GrpcNode, served: Started, change: dict[str, dict[str, Any]]
) -> None:
    listen = {"port": 0, "grpc_port": 0}
    proxy, channel = await served(node, listen=listen)
    before = proxy.grpc_ports
    with structlog.testing.capture_logs() as lines:
        await proxy.reload(settings_for(node, listen=listen, **change))
    ((section, values),) = change.items()
    (required,) = [line for line in lines if line["event"] == "restart_required"]
    assert required["keys"] == [f"{section}.{key} (of gRPC ports)" for key in values]
    assert proxy.grpc_ports == before
    assert await unary(channel)(b"x" * 30, timeout=5) == b"\x0a\x06ledger"
    with structlog.testing.capture_logs() as lines:
        await proxy.reload(settings_for(node, listen=listen))
    assert "restart_required" not in [line["event"] for line in lines]


async def test_tls_of_an_open_port_needs_a_restart_and_the_reload_is_refused(
    node: GrpcNode, served: Started, tmp_path: Path
) -> None:
    listen = {"port": 0, "grpc_port": 0}
    proxy, channel = await served(node, listen=listen)
    paths = {"certificate": tmp_path / "chain.pem", "key": tmp_path / "key.pem"}
    issue_certificate(trustme.CA(), paths)
    tls = {name: str(path) for name, path in paths.items()}
    with pytest.raises(OSError, match=r"listen\.tls needs a restart"):
        await proxy.reload(settings_for(node, listen={**listen, "tls": tls}))
    assert await unary(channel)(b"", timeout=5) == b"\x0a\x06ledger"


async def test_a_port_in_use_is_reported(node: GrpcNode, served: Started) -> None:
    proxy, _ = await served(node)
    other = Proxy(settings_for(node, listen={"port": 0, "grpc_port": proxy.grpc_ports[0]}))
    with pytest.raises(OSError, match="gRPC port"):
        await other.start()


async def test_a_reload_that_is_refused_holds_no_port(node: GrpcNode, served: Started, tmp_path: Path) -> None:
    proxy, _ = await served(node)
    port = free_port()
    at = {"host": "127.0.0.1", "port": 0}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = [{**at, "grpc_port": port}, {**at, "grpc_port": taken.getsockname()[1]}]
        with pytest.raises(OSError, match="gRPC port"):
            await proxy.reload(settings_for(node, listen=listen))
    ca = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(ca)
    faulty = settings_for(node, listen=[{**at, "grpc_port": port}], nodes=[https(ca)])
    ca.unlink()  # so that the node cannot be made, when all ports have been had
    with pytest.raises(OSError, match="No such file"):
        await proxy.reload(faulty)
    socket.create_server(("127.0.0.1", port)).close()
    await proxy.reload(settings_for(node, listen=[{**at, "grpc_port": port}]))
    assert proxy.grpc_ports == [port]


def https(ca: Path) -> dict[str, Any]:
    return {"name": "other", "http": "https://127.0.0.1:1", "tls": {"ca": str(ca)}}


def test_nothing_of_it_is_imported_where_it_is_off() -> None:
    looked = subprocess.run(
        [sys.executable, "-c", "import sys, proxy.cli, proxy.server.proxy; print('grpc' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert looked.stdout.strip() == "False"
