"""Calls in turns: none of a client's floods, refused or not, takes the event loop from the others."""

import asyncio
from typing import Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub

from proxy.access.fair_share import FairShare
from proxy.grpc_passthrough.turns import CallTurns, TooManyWaiting
from tests.support.client import metric, until
from tests.support.grpc_node import GrpcNode, Started, unary

FLOODING, OTHER = "192.0.2.1", "192.0.2.2"
SECONDS = 30


@pytest.fixture
def fair_share() -> FairShare:
    """Its time stands still: nobody's share grows."""
    return FairShare(clock=lambda: 0.0)


@pytest.fixture
def turns() -> CallTurns:
    return CallTurns()


async def test_calls_beyond_a_clients_share_take_turns(fair_share: FairShare, turns: CallTurns) -> None:
    served: list[str] = []

    async def call(client: str) -> None:
        await turns.take(fair_share, client, SECONDS)
        served.append(client)

    calls = [asyncio.create_task(call(FLOODING)) for _ in range(400)]
    await asyncio.sleep(0)
    assert len(served) < 50, "what a client may use without waiting"
    await call(OTHER)
    assert served[-1] == OTHER
    assert len(served) < 60
    await asyncio.gather(*calls)


async def test_few_calls_wait_and_more_are_refused(
    fair_share: FairShare, turns: CallTurns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.grpc_passthrough.turns._MOST_OF_CLIENT", 5)
    for client in (FLOODING, OTHER):
        fair_share.charge(client, 1.0)
    waiting = [asyncio.create_task(turns.take(fair_share, FLOODING, SECONDS)) for _ in range(5)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyWaiting):
        await turns.take(fair_share, FLOODING, SECONDS)
    await turns.take(fair_share, OTHER, SECONDS)
    waiting[0].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await turns.take(fair_share, FLOODING, SECONDS)


async def test_every_call_is_charged(node: GrpcNode, served: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused one and a health check too."""
    monkeypatch.setattr("proxy.grpc_passthrough.turns._CALL_SECONDS", 0.1)
    given: list[str] = []
    turn = FairShare.turn

    async def count(self: FairShare, address: str) -> None:
        given.append(address)
        await turn(self, address)

    monkeypatch.setattr(FairShare, "turn", count)
    _, channel = await served(node)
    health: Any = HealthStub(channel)
    await health.Check(HealthCheckRequest(), timeout=SECONDS)
    assert given == []
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await unary(channel, "/unknown/Method")(b"")
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert given == ["127.0.0.1"]
    await health.Check(HealthCheckRequest(), timeout=SECONDS)
    assert given == ["127.0.0.1"] * 2


async def test_calls_cancelled_in_a_loop_are_refusals(
    node: GrpcNode, served: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that few of them are logged."""
    waiting = 0

    async def wait(self: FairShare, address: str) -> None:
        nonlocal waiting
        waiting += 1
        await asyncio.Event().wait()

    monkeypatch.setattr(FairShare, "turn", wait)
    monkeypatch.setattr(FairShare, "must_wait", lambda self, address: True)
    proxy, channel = await served(node)
    call = unary(channel)(b"")
    await until(lambda: waiting == 1)
    call.cancel()

    async def refused() -> bool:
        return (await metric(proxy, "xrpl_proxy_refused_total")).get('{reason="client_gone"}') == 1

    await until(refused)
