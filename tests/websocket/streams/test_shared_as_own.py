"""A shared subscription pushes to each client exactly what its own subscription would push, in the same order."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.harness import Client, start_harness
from tests.support.scripted_node import SECONDS
from tests.support.subscriptions import STREAMS

CLIENTS = 3
Step = tuple[int, dict[str, Any] | str]

_named = st.lists(st.sampled_from([*STREAMS, "rt_transactions", "transactions", "nonsense"]), min_size=1, max_size=3)
_more = st.sampled_from([{}, {}, {}, {"accounts": ["r1"]}, {"accounts": ["r2"]}, {"accounts": []}])
_subscribe = st.builds(
    lambda streams, more, version: {"command": "subscribe", "streams": streams, **more, "api_version": version},
    _named, _more, st.sampled_from([1, 2]),
)  # fmt: skip
_accounts = st.sampled_from(
    [{"command": command, "accounts": ["r1"]} for command in ("subscribe", "unsubscribe")] + [{"command": "fee"}]
)
_unsubscribe = st.builds(lambda streams: {"command": "unsubscribe", "streams": streams}, _named)
_request = st.one_of(_subscribe, _subscribe, _unsubscribe, _unsubscribe, _accounts)
_steps = st.lists(
    st.one_of(st.tuples(st.integers(0, CLIENTS - 1), _request), st.tuples(st.just(0), st.sampled_from(STREAMS))),
    min_size=5,
    max_size=30,
)


@dataclass
class Transcript:
    """One client, and every message it has received."""

    client: Client
    messages: list[Any] = field(default_factory=list)
    requests: int = 0
    pushed: int = 0

    async def request(self, request: dict[str, Any]) -> None:
        """Asks, and reads up to the answer."""
        self.requests += 1
        await self.client.send({**request, "id": self.requests})
        while (await self.read())["type"] != "response":
            pass

    async def read(self) -> Any:
        message = await self.client.receive()
        # Each client receives a random number of its own.
        (message.get("result") or {}).pop("random", None)
        self.messages.append(message)
        self.pushed += message["type"] != "response"
        return message

    async def catch_up(self, pushed: int) -> None:
        """Reads until it has been pushed as much as the other."""
        async with asyncio.timeout(SECONDS):
            while self.pushed < pushed:
                await self.read()


async def transcripts(steps: list[Step]) -> tuple[list[list[Any]], list[list[Any]]]:
    """What the clients of a proxy that shares subscriptions and of one that does not receive from the same node."""
    async with start_harness() as harness:
        node = await harness.node(None)
        proxies = [await harness.proxy(node, websocket={"share_subscriptions": shares}) for shares in (True, False)]
        sharing, own = [[Transcript(await harness.client(proxy)) for _ in range(CLIENTS)] for proxy in proxies]
        # In the end all streams have a message more: one that came twice is in front of it.
        for number, step in [*steps, *((0, stream) for stream in STREAMS)]:
            if isinstance(step, dict):
                await asyncio.gather(sharing[number].request(step), own[number].request(step))
                continue
            await node.subscriptions.push(step, "r1")
            for shares, alone in zip(sharing, own, strict=True):
                await alone.request({"command": "fee"})  # what was pushed came before the answer to this
                await shares.catch_up(alone.pushed)
                await shares.request({"command": "fee"})
        return [each.messages for each in sharing], [each.messages for each in own]


@settings(deadline=None, max_examples=40)
@given(_steps)
def test_shared_as_own(steps: list[Step]) -> None:
    sharing, own = asyncio.run(transcripts(steps))
    assert sharing == own
