"""Requests that cost the proxy much and their sender little: what others notice of them, counted and not timed."""

import asyncio
import bisect
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import AsyncExitStack
from typing import Any

import orjson
import pytest

from proxy.envelope import read_jsonrpc, read_websocket
from proxy.envelope.call import HttpRefusal
from proxy.http.websocket_frames import FrameReader
from proxy.server.proxy import Proxy
from tests.support.client import until
from tests.support.policies import POLICY
from tests.support.raw_client import RawClient, post
from tests.support.raw_websocket import PING, PONG, RawWebSocket, close_frame, frame
from tests.support.scripted_node import ScriptedNode
from tests.support.start import started_proxy

COMPRESSED = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
UNITS = ["1.1", "{}", "[]", '""', "1e15", '{"a":1}', "4294967295", '"\\u0061"']
MEGABYTE = 999_000


def filled(start: bytes, unit: str, end: bytes, size: int = MEGABYTE) -> bytes:
    """A request of `size` bytes, of which nearly all are the elements of one array."""
    count = (size - len(start) - len(end)) // (len(unit) + 1)
    return start + ",".join([unit] * count).encode() + end


def message(unit: str, method: str = "fee", size: int = MEGABYTE) -> bytes:
    return filled(b'{"command":"%b","a":[' % method.encode(), unit, b"]}", size)


def packed(text: bytes) -> bytes:
    packer = zlib.compressobj(9, wbits=-15)
    return (packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\x00\x00\xff\xff")


@pytest.fixture
async def node() -> AsyncIterator[ScriptedNode]:
    async with ScriptedNode() as started:
        yield started


@pytest.fixture
async def served(node: ScriptedNode) -> AsyncIterator[Proxy]:
    async with AsyncExitStack() as stack:
        sections = {
            "listen": {"host": "127.0.0.1", "port": 0},
            "observe": {"host": "127.0.0.1", "port": 0},
            "logging": {"requests": "off"},
            "limits": {"exempt": []},
            "nodes": [node.settings(websocket=node.websocket_url)],
        }
        yield await started_proxy(sections, 0, stack)


async def counted_meanwhile(served: Proxy, progress: list[int], until: asyncio.Future[Any]) -> list[int]:
    """How far an attacker came during each of a bystander's requests, which are made until the attacker is done. The
    first is not counted: it also waits for its connection to be accepted.
    """
    steps: list[int] = []
    async with RawClient(served.http_url) as client:
        while not until.done() and len(steps) < 200:
            before = progress[0]
            await client.send(post({"method": "ledger_current"}))
            head = await client.head()
            assert b" 200 " in head
            await client.reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
            steps.append(progress[0] - before)
    return steps[1:]


async def counted_during_attacks(served: Proxy, progress: list[int], attacks: Iterable[Awaitable[None]]) -> list[int]:
    """`counted_meanwhile` of several attacks together, from the first progress on."""
    attacking = asyncio.gather(*attacks)
    await until(lambda: progress[0] > 0)
    steps = await counted_meanwhile(served, progress, attacking)
    await attacking
    return steps


@pytest.mark.parametrize("method", ["stop", "fee"])
async def test_messages_that_unpack_to_a_megabyte(served: Proxy, method: str) -> None:
    """One session writes 50 frames of 1 kB together, each a message of 1 MB."""
    progress = [0]
    async with RawWebSocket(served.http_url, COMPRESSED, source="127.0.1.1") as attacker:

        async def attack() -> None:
            await attacker.send(frame(packed(message("1.1", method)), rsv=4) * 50)
            for _ in range(50):
                await attacker.receive()
                progress[0] += 1

        steps = await counted_during_attacks(served, progress, [attack()])
    assert len(steps) >= 5
    assert max(steps) <= 5, "messages that were taken while a bystander's request waited"


@pytest.mark.parametrize(
    "content",
    [frame(b"", PING), frame(b"", PONG), frame(b"", 0, fin=False)],
    ids=["pings", "pongs", "empty fragments"],
)
async def test_frames_that_no_limit_counts(served: Proxy, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten sessions of one address write 10,000 frames each."""
    progress, read_head = [0], FrameReader._read_head

    def counted(reader: FrameReader) -> bool:
        progress[0] += 1
        return read_head(reader)

    monkeypatch.setattr(FrameReader, "_read_head", counted)

    async def attack() -> None:
        async with RawWebSocket(served.http_url, source="127.0.1.1") as attacker:
            await attacker.send(frame(b"{", fin=False) + content * 10_000 + close_frame(1000))
            await attacker.wait_closed()

    steps = await counted_during_attacks(served, progress, [attack() for _ in range(10)])
    assert len(steps) >= 10
    assert max(steps) <= 10_000, "frames that were read while a bystander's request waited"


async def test_compressed_messages_that_unpack_to_nothing(served: Proxy) -> None:
    """Ten sessions of one address write 10 messages each, of a megabyte that consists of empty blocks."""
    progress = [0]
    content = frame(b"\0\0\0\xff\xff" * 200_000, rsv=4)

    async def attack() -> None:
        async with RawWebSocket(served.http_url, COMPRESSED, source="127.0.1.1") as attacker:
            for _ in range(10):
                await attacker.send(content)
                await attacker.receive()
                progress[0] += 1

    steps = await counted_during_attacks(served, progress, [attack() for _ in range(10)])
    assert len(steps) >= 10
    assert max(steps) <= 5


async def test_messages_of_as_many_elements_as_are_allowed(served: Proxy) -> None:
    """Eight sessions of one address write 10 of the most expensive messages each."""
    progress = [0]
    content = frame(packed(message("1e15", "stop", 65_000 * 5)), rsv=4)

    async def attack() -> None:
        async with RawWebSocket(served.http_url, COMPRESSED, source="127.0.1.1") as attacker:
            await attacker.send(content * 10)
            for _ in range(10):
                await attacker.receive()
                progress[0] += 1

    steps = await counted_during_attacks(served, progress, [attack() for _ in range(8)])
    assert len(steps) >= 10
    assert max(steps) <= 5


async def test_posts_of_as_many_elements_as_are_allowed(served: Proxy) -> None:
    """Four connections of one address make POSTs of 65,000 floats, one after the other."""
    progress = [0]
    content = post_text(filled(b'{"method":"fee","params":[{"a":[', "1.1", b"]}]}", 65_000 * 4))

    async def attack() -> None:
        async with RawClient(served.http_url, source="127.0.1.1") as attacker:
            for _ in range(10):
                await attacker.send(content)
                head = await attacker.head()
                await attacker.reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
                progress[0] += 1

    steps = await counted_during_attacks(served, progress, [attack() for _ in range(4)])
    assert max(steps) <= 5


def post_text(body: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


@pytest.mark.parametrize("unit", UNITS)
def test_a_megabyte_is_read_in_a_few_times_what_orjson_takes(unit: str) -> None:
    """CPU seconds, compared to a reader in C: no Python code runs for an element."""

    def sized(size: int) -> bytes:
        return filled(b'{"method":"nope","params":[{"a":[', unit, b"]}]}", size)

    whole = sized(MEGABYTE)
    sizes = range(10_000, MEGABYTE + 1, 10_000)
    refused = bisect.bisect_left(
        sizes, True, key=lambda size: isinstance(read_jsonrpc(sized(size), POLICY), HttpRefusal)
    )
    most = sized(sizes[refused - 1])
    assert not isinstance(read_jsonrpc(most, POLICY), HttpRefusal)

    def seconds(read: object, *arguments: object) -> float:
        spent = []
        for _ in range(5):
            began = time.process_time()
            read(*arguments)  # type: ignore[operator]
            spent.append(time.process_time() - began)
        return min(spent)

    yardstick = seconds(orjson.loads, whole)
    assert seconds(read_jsonrpc, whole, POLICY) < yardstick * 2 + 0.005
    assert seconds(read_jsonrpc, most, POLICY) < yardstick * 5 + 0.01
    assert seconds(read_websocket, message(unit, "stop"), POLICY) < yardstick * 2 + 0.005


async def test_numbers_go_to_the_node_as_they_were_written(served: Proxy, node: ScriptedNode) -> None:
    """`1e15` became `1000000000000000.0`, and 300 kB more than a node takes."""
    body = b'{"method":"ledger_current","params":[{"a":[%b]}]}' % b",".join([b"1e15"] * 60_000)
    async with RawClient(served.http_url, source="127.0.1.1") as client:
        await client.send(post_text(body))
        assert b" 200 " in await client.head()
    asked = [params for method, params in node.asked if method == "ledger_current"]
    assert len(asked[-1]["a"]) == 60_000
    assert node.largest_body < len(body) + 100


@pytest.mark.parametrize("transport", ["http", "websocket"])
async def test_large_responses_are_translated_in_turns(served: Proxy, node: ScriptedNode, transport: str) -> None:
    """Twenty responses of a megabyte for one address arrive together; few are handled while another waits."""
    progress = [0]
    transaction = {"Account": "r" * 30, "TransactionType": "AccountSet", "date": 7, "hash": "A" * 64}
    entry = {"meta": {"TransactionResult": "tesSUCCESS"}, "hash": "A" * 64, "tx_json": transaction, "validated": True}
    node.answers["account_tx"] = {"account": "r", "transactions": [entry] * 3_000, "validated": True}

    async def ask_over_http() -> None:
        async with RawClient(served.http_url, source="127.0.1.1") as attacker:
            await attacker.send(post({"method": "account_tx", "params": [{"account": "r", "api_version": 1}]}))
            await attacker.head()
            progress[0] += 1

    async def ask_over_websocket() -> None:
        async with RawWebSocket(served.http_url, source="127.0.1.1") as attacker:
            await attacker.send(frame(b'{"command":"account_tx","account":"r","api_version":1}'))
            await attacker.receive()
            progress[0] += 1

    async def attack() -> None:
        await asyncio.gather(*((ask_over_http if transport == "http" else ask_over_websocket)() for _ in range(20)))

    attacking = asyncio.create_task(attack())
    await until(lambda: progress[0] > 0)
    steps = await counted_meanwhile(served, progress, attacking)
    await attacking
    assert progress == [20]
    assert max(steps) <= 5
