"""Whatever clients subscribe to in whatever order: by a shared connection they are told what they are by their own."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.subscribing_node import STREAMS, SubscribingNode
from tests.support.websocket_node import SECONDS, Client, house

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
class Told:
    """One client, and all that it has been told."""

    client: Client
    messages: list[Any] = field(default_factory=list)
    asked: int = 0
    pushed: int = 0

    async def ask(self, request: dict[str, Any]) -> None:
        """Asks, and reads up to the answer."""
        self.asked += 1
        await self.client.send({**request, "id": self.asked})
        while (await self.read())["type"] != "response":
            pass

    async def read(self) -> Any:
        message = await self.client.get()
        # Each is told a random number of its own.
        (message.get("result") or {}).pop("random", None)
        self.messages.append(message)
        self.pushed += message["type"] != "response"
        return message

    async def catch_up(self, pushed: int) -> None:
        """Reads until it has been pushed as much as the other."""
        async with asyncio.timeout(SECONDS):
            while self.pushed < pushed:
                await self.read()


async def told(steps: list[Step]) -> tuple[list[list[Any]], list[list[Any]]]:
    """What the clients of a proxy that shares and of one that does not are told, by one node at the same time."""
    async with house() as home:
        node = await home.started(SubscribingNode())
        proxies = [await home.proxy(node, websocket={"share_subscriptions": shares}) for shares in (True, False)]
        sharing, own = [[Told(await home.client(proxy)) for _ in range(CLIENTS)] for proxy in proxies]
        # In the end all streams have a message more: one that came twice is in front of it.
        for number, step in [*steps, *((0, stream) for stream in STREAMS)]:
            if isinstance(step, dict):
                await asyncio.gather(sharing[number].ask(step), own[number].ask(step))
                continue
            await node.push(step, "r1")
            for shares, alone in zip(sharing, own, strict=True):
                await alone.ask({"command": "fee"})  # what was pushed came before the answer to this
                await shares.catch_up(alone.pushed)
                await shares.ask({"command": "fee"})
        return [each.messages for each in sharing], [each.messages for each in own]


@settings(deadline=None, max_examples=60)
@given(_steps)
def test_shared_as_own(steps: list[Step]) -> None:
    sharing, own = asyncio.run(told(steps))
    assert sharing == own
