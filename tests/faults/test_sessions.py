"""A node fails a client's session, each time in another way; the other sessions at the same node go on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from proxy.server.proxy import Proxy
from tests.support.bystander import SHORT, endure
from tests.support.harness import Client, Harness, start_harness
from tests.support.scripted_node import ScriptedNode, ScriptedSession

NODE_ANSWER = 0.3
PING = 0.25
SLOWNESS = 0.01
"""Seconds that a slow node takes for a request."""
MARGIN = 5.0
"""Seconds more than the proxy's own limits, for a machine that has more to do."""

Fail = Callable[[ScriptedSession, dict[str, Any]], Awaitable[None]]


@pytest.fixture
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    async with start_harness(request.config.getoption("--workers")) as started:
        yield started


class AtFault:
    """A proxy whose node does what `fail` does when a client asks it for `account_lines`, and answers all else."""

    def __init__(self, node: ScriptedNode, served: Proxy) -> None:
        self._node = node
        self._served = served

    @classmethod
    async def made(cls, harness: Harness, fail: Fail) -> "AtFault":
        async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
            await (fail(session, asked) if asked["command"] == "account_lines" else session.respond(asked))

        node = await harness.node(answer)
        timeouts = {**SHORT, "node_answer": NODE_ANSWER}
        return cls(node, await harness.proxy(node, timeouts=timeouts, websocket={"ping_interval": PING}))

    async def endure(self, check: Callable[[Client], Awaitable[None]], *, sends: int = 1) -> None:
        """Five clients at a time meet with the fault, and each gets what `check` says."""

        async def one(http: aiohttp.ClientSession) -> None:
            async with http.ws_connect(self._served.http_url, decode_text=False) as socket:
                client = Client(socket)
                await client.send(*({"command": "account_lines", "id": number} for number in range(sends)))
                await check(client)

        async def five() -> None:
            async with aiohttp.ClientSession() as http:
                await asyncio.gather(*(one(http) for _ in range(5)))
            self._node.sessions.clear()

        await endure(self._served, five)


async def is_lost(client: Client) -> None:
    """Requests in flight fail, and the session is closed so that libraries connect again."""
    async with asyncio.timeout(MARGIN):
        assert (await client.receive())["error"] == "internal"
        assert (await client.wait_closed())[0] == 1012


async def test_a_node_that_never_answers(harness: Harness) -> None:
    async def fail(*_: Any) -> None:
        pass

    async def check(client: Client) -> None:
        async with asyncio.timeout(NODE_ANSWER + MARGIN):
            assert (await client.receive())["error"] == "tooBusy"
        assert (await client.request({"command": "fee"}))["status"] == "success"

    await (await AtFault.made(harness, fail)).endure(check)


async def test_a_node_that_resets(harness: Harness) -> None:
    async def fail(session: ScriptedSession, _: dict[str, Any]) -> None:
        session.abort()

    await (await AtFault.made(harness, fail)).endure(is_lost)


async def test_a_node_that_answers_half(harness: Harness) -> None:
    async def fail(session: ScriptedSession, _: dict[str, Any]) -> None:
        session.transport.write(b'\x81\x7e\x01\x00{"id":1,"result":{')
        session.transport.close()

    await (await AtFault.made(harness, fail)).endure(is_lost)


async def test_a_node_that_sends_invalid_websocket_frames(harness: Harness) -> None:
    async def fail(session: ScriptedSession, _: dict[str, Any]) -> None:
        session.transport.write(b"220 mail.example ESMTP\r\n" * 10)

    await (await AtFault.made(harness, fail)).endure(is_lost)


async def test_a_node_that_sends_nonsense(harness: Harness) -> None:
    """What cannot be an answer is passed over, and the answer behind it taken."""

    async def fail(session: ScriptedSession, asked: dict[str, Any]) -> None:
        for noise in (b"", b"\xff", b"[]", b'{"id":', b'{"id":99999,"type":"response"}', b'{"type":7}', b"7"):
            await session.send(noise)
        await session.respond(asked)

    async def check(client: Client) -> None:
        async with asyncio.timeout(MARGIN):
            while (await client.receive()).get("type") != "response":
                pass

    await (await AtFault.made(harness, fail)).endure(check)


async def test_a_node_that_answers_slowly(harness: Harness) -> None:
    """Twenty requests of one session wait, and none of another."""

    async def fail(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await asyncio.sleep(SLOWNESS)
        await session.respond(asked)

    async def check(client: Client) -> None:
        async with asyncio.timeout(20 * SLOWNESS + MARGIN):
            assert [(await client.receive())["id"] for _ in range(20)] == list(range(20))

    await (await AtFault.made(harness, fail)).endure(check, sends=20)
