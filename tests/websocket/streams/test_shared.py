"""Streams that are the same for everyone: one connection and one subscription at a node for all its sessions."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from proxy.config import Settings
from proxy.server.proxy import Proxy
from tests.support.harness import Client, Harness
from tests.support.scripted_node import SECONDS, ScriptedNode, ScriptedSession, is_own_address
from tests.support.sessions import (
    CLOSED,
    GAPS,
    RECONNECT,
    connect_without_reading,
    count_open_files,
    drop_connection,
    wait_open_files,
)
from tests.support.subscriptions import STREAMS

SUBSCRIPTIONS = "xrpl_proxy_subscriptions"


async def subscribe(client: Client, *streams: str, **more: Any) -> Any:
    response = await client.request({"command": "subscribe", "streams": list(streams), **more})
    assert response["status"] == "success", response
    return response["result"]


async def unsubscribe(client: Client, *streams: str) -> None:
    assert (await client.request({"command": "unsubscribe", "streams": list(streams)}))["status"] == "success"


async def served(harness: Harness, clients: int, **sections: Any) -> tuple[ScriptedNode, Proxy, list[Client]]:
    node = await harness.node(None)
    proxy = await harness.proxy(node, **sections)
    return node, proxy, [await harness.client(proxy) for _ in range(clients)]


async def silent(client: Client) -> None:
    """Nothing has been pushed to the client: the next that it gets is the answer to what it asks."""
    assert (await client.request({"command": "fee", "id": "silent"}))["id"] == "silent"


async def is_closed(node: ScriptedNode, number: int = 0) -> None:
    async with asyncio.timeout(SECONDS):
        await node.shared[number].ended.wait()


async def test_once_for_all(harness: Harness) -> None:
    """A node is asked once, tells each message once, and every client gets it in its version."""
    node, proxy, clients = await served(harness, 6)
    for number, client in enumerate(clients):
        assert await subscribe(client, "transactions", "validations", api_version=1 + number % 2) == {}
    assert (node.subscriptions.counts["transactions"], node.subscriptions.counts["validations"], len(node.shared)) == (
        1,
        1,
        1,
    )
    assert is_own_address(node.shared[0].headers["X-Forwarded-For"])
    await node.subscriptions.push("transactions")
    await node.subscriptions.push("validations")
    for number, client in enumerate(clients):
        transaction, validation = await client.receive(), await client.receive()
        assert ("tx_json" in transaction) is (number % 2 == 1)
        assert isinstance(validation["ledger_index"], int) is (number % 2 == 1)
    pushed = "xrpl_proxy_stream_messages_total"
    assert await harness.metric(proxy, pushed, stream="transactions", client_version="1", rewritten="true") == 3
    assert await harness.metric(proxy, pushed, stream="transactions", client_version="2", rewritten="false") == 3
    assert await harness.metric(proxy, SUBSCRIPTIONS) == 12


async def test_the_answer_is_the_nodes(harness: Harness) -> None:
    """It tells the state of the moment, to each its own, and nothing of other streams."""
    node, _, (first, second) = await served(harness, 2)
    assert await subscribe(first, "ledger") == {"ledger_index": 100, "validated_ledgers": "2-100"}
    await node.subscriptions.push("ledger")
    assert (await first.receive())["ledger_index"] == 101
    assert (await subscribe(second, "consensus", "ledger"))["ledger_index"] == 101
    assert await subscribe(second, "server") == {"random": 1, "server_status": "full"}
    assert await subscribe(first, "server") == {"random": 2, "server_status": "full"}
    assert await subscribe(first, "consensus") == {}
    assert node.subscriptions.counts["consensus"] == 1


async def test_many_concurrent_subscribers_share_a_response(harness: Harness) -> None:
    """A node that all clients come back to is not asked by each; but a random number is for one."""
    node, _, clients = await served(harness, 30)
    results = await asyncio.gather(*(subscribe(client, "ledger") for client in clients))
    assert {result["ledger_index"] for result in results} == {100}
    assert node.subscriptions.counts["ledger"] < 5
    results = await asyncio.gather(*(subscribe(client, "server") for client in clients))
    assert len({result["random"] for result in results}) == 30


async def test_many_subscribers_wait_for_one_response_with_the_state(harness: Harness) -> None:
    """However they name what they want; and of random numbers each has its own."""
    node, _, (busy, *others) = await served(harness, 12)
    await busy.send(*({"command": "subscribe", "streams": ["server"], "id": number} for number in range(60)))
    wanted = (["ledger", "server"], ["server", "consensus", "ledger", "ledger"])
    response = await asyncio.gather(*(subscribe(each, *wanted[number % 2]) for number, each in enumerate(others)))
    assert [(result["ledger_index"], result["server_status"]) for result in response] == [(100, "full")] * 11
    own = [(await busy.receive())["result"]["random"] for _ in range(60)]
    assert len({*own, *(result["random"] for result in response)}) == 71
    assert node.subscriptions.counts["server"] <= 8


async def test_a_stream_that_an_older_node_refuses_affects_no_other(harness: Harness) -> None:
    node = await harness.node(None)
    node.subscriptions.unknown_streams = ("manifests",)
    proxy = await harness.proxy(node)
    clients = [await harness.client(proxy) for _ in range(4)]
    for number, client in enumerate(clients):  # before there is a connection, so that all are asked for at once
        await client.send({"command": "subscribe", "streams": ["manifests" if number % 2 else "consensus"]})
    response = [await client.receive() for client in clients]
    assert [each.get("error") for each in response] == [None, "malformedStream"] * 2
    await node.subscriptions.push("consensus")
    assert (await clients[2].receive())["type"] == "consensusPhase"
    await silent(clients[1])


async def test_what_is_pushed_while_a_subscribe_waits_for_its_answer(harness: Harness) -> None:
    """It was before that, and does not wait behind it."""
    node, _, (client,) = await served(harness, 1)
    await subscribe(client, "consensus")
    node.shared_connections = "silent"
    await client.send({"command": "subscribe", "streams": ["ledger"], "id": 7})
    asked = (await node.shared[0].wait_requests(2))[1]
    await node.subscriptions.push("consensus")
    assert (await client.receive())["type"] == "consensusPhase"
    await node.shared[0].respond(asked, {"ledger_index": 100})
    await node.shared[0].send({"type": "ledgerClosed", "ledger_index": 101})
    assert (await client.receive())["id"] == 7
    assert (await client.receive())["ledger_index"] == 101


async def test_unsubscribing_and_resubscribing_costs_the_node_nothing(harness: Harness) -> None:
    node, _, (client,) = await served(harness, 1)
    for _ in range(50):
        await subscribe(client, "manifests")
        await unsubscribe(client, "manifests")
    assert len(node.shared) <= 3
    assert node.subscriptions.counts["manifests"] <= 3
    await node.subscriptions.push("manifests")
    await silent(client)


NONSENSE = [
    b'{"id":%d,"result":{x',
    b'{"id":%d,"result":[1],"type":"response"}',
    b'{"id":%d,"result":5,"type":"response"}',
]


@pytest.mark.parametrize("text", NONSENSE, ids=["no JSON", "a list", "a number"])
async def test_an_invalid_response_affects_no_other_client(harness: Harness, text: bytes) -> None:
    node, _, (client, other) = await served(harness, 2)
    await subscribe(other, "ledger")

    async def garble(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await (session.send(text % asked["id"]) if asked["command"] == "subscribe" else session.respond(asked))

    node.respond = garble
    assert (await client.request({"command": "subscribe", "streams": ["consensus"]}))["status"] == "error"
    await silent(client)
    await silent(other)
    await node.subscriptions.push("ledger")
    assert (await other.receive())["type"] == "ledgerClosed"


@pytest.mark.parametrize("share", [True, False])
async def test_a_url_is_a_subscriber_of_its_own(harness: Harness, share: bool) -> None:
    guard = {"allow_subscribe_url": True, "allow_admin_nodes": True}
    node, proxy, (client,) = await served(harness, 1, websocket={"share_subscriptions": share}, guard=guard)
    await subscribe(client, "transactions", api_version=1)

    async def respond(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await (session.respond(asked) if "url" in asked else node.respond_by_method(session, asked))

    node.respond = respond
    to = {"url": "http://a.example/", "streams": ["transactions"], "api_version": 2}
    assert (await client.request({"command": "subscribe", **to}))["status"] == "success"
    assert (await client.request({"command": "unsubscribe", **to}))["status"] == "success"
    await node.subscriptions.push("transactions")
    assert "transaction" in await client.receive()
    assert await harness.metric(proxy, SUBSCRIPTIONS) == 1


async def test_the_order_of_answers(harness: Harness) -> None:
    """As on a connection to a rippled, one after the other, whatever their source; pushed messages after theirs."""
    node, _, (client,) = await served(harness, 1)
    await client.send(
        {"command": "fee", "id": 1},
        {"command": "subscribe", "streams": ["ledger"], "id": 2},
        {"command": "fee", "id": 3},
        {"command": "subscribe", "streams": ["transactions"], "id": 4},
        {"command": "unsubscribe", "streams": ["ledger"], "id": 5},
        {"command": "version", "id": 6},
    )
    assert [(await client.receive())["id"] for _ in range(6)] == [1, 2, 3, 4, 5, 6]
    await node.subscriptions.push("ledger")
    await node.subscriptions.push("transactions")
    assert (await client.receive())["type"] == "transaction"
    await silent(client)


async def test_pushed_right_after_the_response(harness: Harness) -> None:
    """What the node pushes in one breath with its answer comes after it, also where an earlier request takes longer."""

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        if session in node.sessions and len(session.requests) == 1:
            await session.respond(asked, {"ledger_index": 1, "ledger": {}})
        elif asked["command"] == "ledger":
            await gate.wait()
            entry = {"tx_json": {"TransactionType": "AccountSet"}, "hash": "A", "meta": {"TransactionIndex": 0}}
            await session.respond(asked, {"ledger": {"transactions": [entry]}, "ledger_index": 1})
        else:
            await session.respond(asked)
        if asked["command"] == "subscribe":
            for number in range(5):
                await session.send({"type": "consensusPhase", "number": number})
            gate.set()

    gate = asyncio.Event()
    node = await harness.node(answer)
    client = await harness.client(await harness.proxy(node))
    await client.send(
        {"command": "tx_history", "start": 0, "id": 1}, {"command": "subscribe", "streams": ["consensus"], "id": 2}
    )
    response = [await client.receive() for _ in range(7)]
    assert [message.get("id", message.get("number")) for message in response] == [1, 2, 0, 1, 2, 3, 4]


@pytest.mark.parametrize("streams", [["transactions", "transactions_proposed"], ["rt_transactions", "transactions"]])
async def test_both_streams_of_transactions(harness: Harness, streams: list[str]) -> None:
    """A validated transaction comes by both, once to those who have one, twice to those who have both."""
    node, _, (both, validated, proposed) = await served(harness, 3)
    await subscribe(both, *streams)
    await subscribe(validated, "transactions")
    await subscribe(proposed, "transactions_proposed")
    for _ in range(3):
        await node.subscriptions.push("transactions_proposed")
        await node.subscriptions.push("transactions")
    await node.subscriptions.push("consensus")
    for client, expected in (
        (both, [False, True, True] * 3),
        (validated, [True] * 3),
        (proposed, [False, True] * 3),
    ):
        assert [(await client.receive())["validated"] for _ in expected] == expected
        await silent(client)


async def test_streams_of_transactions_are_added_and_removed(harness: Harness) -> None:
    """Whichever is begun with and whichever goes first, none is lost and none doubled."""
    node, _, (validated, proposed) = await served(harness, 2)
    for first, second in (("transactions", "transactions_proposed"), ("transactions_proposed", "transactions")):
        holders = {"transactions": validated, "transactions_proposed": proposed}
        one, other = holders[first], holders[second]
        await subscribe(one, first)
        await node.subscriptions.push("transactions")
        before = await one.receive()
        await subscribe(other, second)
        await node.subscriptions.push("transactions")
        together = await one.receive()
        assert await other.receive() == together != before
        await unsubscribe(one, first)
        await node.subscriptions.push("transactions")
        assert await other.receive() != together
        await silent(one)
        await unsubscribe(other, second)
        await node.subscriptions.push("transactions")
        await silent(other)


async def test_a_transaction_by_its_stream_and_its_account(harness: Harness) -> None:
    node, _, (client, late) = await served(harness, 2)
    await subscribe(client, "transactions", accounts=["r1"])
    assert not node.shared  # all by its own connection, in the order of which they come
    await subscribe(late, "transactions")
    await late.request({"command": "subscribe", "accounts": ["r1"]})
    await node.subscriptions.push("transactions", "r1")
    for each in (client, late):
        assert await each.receive() == await each.receive()
    await node.subscriptions.push("transactions", "r2")
    for each in (client, late):
        await each.receive()
        await silent(each)


async def test_one_of_many_unsubscribes(harness: Harness) -> None:
    """The proxy unsubscribes when the last subscriber leaves, and closes the connection when no stream is left."""
    node, proxy, (first, second) = await served(harness, 2)
    await subscribe(first, "consensus", "manifests")
    await subscribe(second, "consensus")
    await unsubscribe(first, "consensus")
    await node.subscriptions.push("consensus")
    assert (await second.receive())["type"] == "consensusPhase"
    await silent(first)
    await unsubscribe(second, "consensus")
    asked = await node.shared[0].wait_requests(2)
    assert (asked[-1]["command"], asked[-1]["streams"]) == ("unsubscribe", ["consensus"])
    await silent(second)
    assert node.subscriptions.streams_of(node.shared[0]) == ["manifests"]
    await unsubscribe(first, "manifests")
    await is_closed(node)
    assert await harness.metric(proxy, SUBSCRIPTIONS) == 0
    await subscribe(first, "manifests")
    await node.subscriptions.push("manifests")
    assert (await first.receive())["type"] == "manifestReceived"
    assert len(node.shared) == 2


async def test_a_stream_that_cannot_be_ended(harness: Harness) -> None:
    """Rippled's `unsubscribe` knows no `book_changes`, and goes no further than to there."""
    node, _, (client, other) = await served(harness, 2)
    for each in (client, other):
        await subscribe(each, "book_changes", "ledger", "manifests")
    request = {"command": "unsubscribe", "streams": ["ledger", "book_changes", "manifests"]}
    assert (await client.request(request))["error"] == "malformedStream"
    for stream in ("ledger", "book_changes", "manifests"):
        await node.subscriptions.push(stream)
    assert [(await client.receive())["type"] for _ in range(2)] == ["bookChanges", "manifestReceived"]
    await silent(client)
    await client.socket.close()
    await other.socket.close()
    await is_closed(node)


async def test_a_subscribe_that_is_refused_half_way(harness: Harness) -> None:
    """What stands before the fault has taken effect, what stands behind it has not, and nothing comes twice."""
    node, _, (client,) = await served(harness, 1)
    await subscribe(client, "consensus")
    streams = ["consensus", "manifests", "nonsense", "validations"]
    assert (await client.request({"command": "subscribe", "streams": streams}))["error"] == "malformedStream"
    request = {"command": "subscribe", "streams": ["server"], "accounts": []}
    assert (await client.request(request))["error"] == "actMalformed"
    await (await node.shared_session()).wait_requests(3)
    await silent(client)
    for stream in ("validations", "consensus", "manifests", "server"):
        await node.subscriptions.push(stream)
    response = [(await client.receive())["type"] for _ in range(3)]
    assert response == ["consensusPhase", "manifestReceived", "serverStatus"]
    await silent(client)


async def test_the_last_subscribe_decides_the_version(harness: Harness) -> None:
    node, _, (client, other) = await served(harness, 2)
    await subscribe(other, "transactions")
    for version, streams in ((1, ["transactions"]), (2, ["ledger"]), (1, ["nonsense"]), (2, ["transactions"])):
        await client.request({"command": "subscribe", "streams": streams, "api_version": version})
        await node.subscriptions.push("transactions")
        assert ("tx_json" in await client.receive()) is (version == 2)
        assert "transaction" in await other.receive()


async def test_a_session_ends_while_it_is_pushed_to(harness: Harness) -> None:
    node, proxy, (going, staying) = await served(harness, 2)
    await subscribe(going, "transactions")
    await subscribe(staying, "transactions")
    for number in range(20):
        await node.subscriptions.push("transactions")
        if number == 10:
            going.socket._writer.transport.abort()
    for _ in range(20):
        await staying.receive()
    await harness.wait_metric(1, proxy, "xrpl_proxy_sessions_open")
    await silent(staying)
    await staying.socket.close()
    await is_closed(node)
    await harness.wait_metric(0, proxy, SUBSCRIPTIONS)


async def test_a_slow_client_holds_nobody(harness: Harness) -> None:
    node, proxy, (other,) = await served(harness, 1, websocket={"queue_bytes": 100_000})
    await subscribe(other, "ledger")
    files = count_open_files()
    slow = await connect_without_reading(proxy.http_url)
    await harness.wait_metric(2, proxy, SUBSCRIPTIONS)
    for _ in range(400):
        await node.shared[0].send(b'{"type":"ledgerClosed","filling":"%b"}' % (b"x" * 20_000))
        await other.receive()
    await harness.wait_metric(1, proxy, CLOSED, reason="client_too_slow")
    await harness.wait_metric(0, proxy, "xrpl_proxy_session_queue_bytes")
    await silent(other)
    await wait_open_files(files + 1)  # the slow client's own
    slow.close()


@pytest.mark.parametrize("size", [1, 125, 126, 65_535, 65_536, 300_000])
@pytest.mark.parametrize("compress", [0, 15])
async def test_messages_of_any_length(harness: Harness, size: int, compress: int) -> None:
    node = await harness.node(None)
    client = await harness.client(await harness.proxy(node), compress=compress)
    await subscribe(client, "consensus")
    head, tail = b'{"type":"consensusPhase","filling":"', b'"}'
    message = head + b"x" * (size - len(head) - len(tail)) + tail
    for _ in range(3):
        await node.shared[0].send(message)
        await client.receive()
        assert client.raw == message


async def test_off(harness: Harness) -> None:
    node, _, clients = await served(harness, 2, websocket={"share_subscriptions": False})
    for client in clients:
        await subscribe(client, "ledger")
    assert node.subscriptions.counts["ledger"] == 2
    assert not node.shared


async def test_a_clio_has_no_pairs(harness: Harness) -> None:
    """What a Clio gives on as proposed is not a rippled's, and comes to each session by its own connection."""
    node = await harness.node(None)
    node.info["clio_version"] = "2.4.0"
    client = await harness.client(await harness.proxy(node))
    await subscribe(client, "ledger", "transactions")
    assert node.subscriptions.streams_of(node.shared[0]) == ["ledger", "transactions"]
    await subscribe(client, "transactions_proposed")
    assert node.subscriptions.streams_of(node.sessions[0]) == ["transactions_proposed"]


async def test_a_node_with_no_connection_to_share(harness: Harness) -> None:
    """Sessions that want shared streams are closed, with a code on which libraries connect again; others go on."""
    node, proxy, (first, second, other) = await served(harness, 3)
    node.shared_connections = "refused"
    for client in (first, second):
        response = await client.request({"command": "subscribe", "streams": ["ledger"], "id": 1})
        assert (response["id"], response["error"]) == (1, "noNetwork")
        assert (await client.wait_closed())[0] == 1012
    await silent(other)
    await harness.wait_metric(2, proxy, CLOSED, reason="node_lost")
    await harness.wait_metric(0, proxy, SUBSCRIPTIONS)
    node.shared_connections = "accepted"
    await subscribe(other, "consensus")
    await node.subscriptions.push("consensus")
    assert (await other.receive())["type"] == "consensusPhase"


async def test_a_refused_subscribe_whose_streams_find_no_connection_to_share(harness: Harness) -> None:
    """The streams before the fault would have taken effect, so the client is not left to believe that they have."""
    node, _, (client,) = await served(harness, 1)
    await subscribe(client, "ledger")
    await unsubscribe(client, "ledger")
    await is_closed(node)
    node.shared_connections = "refused"
    response = await client.request({"command": "subscribe", "streams": ["consensus", "nonsense"]})
    assert response["status"] == "error"
    assert (await client.wait_closed())[0] == 1012


async def test_a_node_that_does_not_answer_the_shared_handshake(harness: Harness) -> None:
    node, _, (client,) = await served(harness, 1, timeouts={"connect": 1})
    node.shared_connections = "ignored"
    await client.send({"command": "subscribe", "streams": ["consensus"], "id": 1}, {"command": "version", "id": 2})
    responses = [await client.receive() for _ in range(2)]
    assert [(each["id"], each["status"]) for each in responses] == [(1, "error"), (2, "success")]
    assert (await client.wait_closed())[0] == 1012


async def test_the_shared_connection_is_lost_while_a_subscribe_waits(harness: Harness) -> None:
    node, _, (client, other) = await served(harness, 2)
    node.shared_connections = "silent"
    await client.send({"command": "subscribe", "streams": ["ledger"], "id": 1})
    await (await node.shared_session(0)).wait_requests(1)
    await drop_connection(node.shared[0])
    assert (await client.receive())["error"] == "internal"
    assert (await client.wait_closed())[0] == 1012
    await silent(other)


async def test_the_shared_connection_is_lost(harness: Harness) -> None:
    """To the sessions that have streams by it, it is as if they had lost their node."""
    node, proxy, (client, other) = await served(harness, 2)
    await subscribe(client, "ledger")
    await drop_connection(node.shared[0])
    assert (await client.wait_closed())[0] == 1012
    await silent(other)
    await harness.wait_metric(1, proxy, CLOSED, reason="node_lost")


async def test_a_session_that_loses_its_node_while_it_waits_for_the_shared_one(harness: Harness) -> None:
    """Requests in flight are answered before the session ends, and those that wait for their turn, too."""
    node, _, (client,) = await served(harness, 1)
    node.shared_connections = "silent"
    await client.send({"command": "subscribe", "streams": ["ledger"], "id": 1}, {"command": "version", "id": 2})
    await (await node.shared_session(0)).wait_requests(1)
    await drop_connection(node.sessions[0])
    response = await client.receive()
    assert (response["id"], response["status"]) == (1, "error")
    assert (await client.receive())["id"] == 2
    assert (await client.wait_closed())[0] == 1012


async def test_going_on_elsewhere(harness: Harness) -> None:
    """The sessions share a connection to the next node too, and ledgers that were missed are reported."""
    node = await harness.node(None)
    proxy = await harness.proxy(node, **RECONNECT)
    clients = [await harness.client(proxy) for _ in range(3)]
    for client in clients:
        await subscribe(client, "ledger", "transactions", api_version=2)
    await node.subscriptions.push("ledger")
    for client in clients:
        assert (await client.receive())["ledger_index"] == 101
    node.ledger_index = 105
    with capture_logs() as logs:
        await drop_connection(node.shared[0])
        await (await node.shared_session(1)).wait_requests(1)
        for number in range(3, 6):
            await node.session(number)
        await harness.wait_metric(3 * 4, proxy, GAPS)
        await node.subscriptions.push("ledger")
        for client in clients:
            assert (await client.receive())["ledger_index"] == 106
            await silent(client)
    assert [entry["missed"] for entry in logs if entry["event"] == "stream_gap"] == [4] * 3
    assert node.subscriptions.streams_of(node.shared[1]) == ["ledger", "transactions"]
    assert await harness.metric(proxy, GAPS) == 3 * 4
    assert await harness.metric(proxy, SUBSCRIPTIONS) == 6


async def test_a_session_that_loses_its_own_connection(harness: Harness) -> None:
    node, proxy, (client, other) = await served(harness, 2, **RECONNECT)
    await subscribe(client, "ledger")
    await subscribe(other, "ledger")
    await drop_connection(node.sessions[0])
    await node.session(2)
    await silent(client)
    await node.subscriptions.push("ledger")
    for each in (client, other):
        assert (await each.receive())["ledger_index"] == 101
        await silent(each)
    assert len(node.shared) == 1
    assert await harness.metric(proxy, GAPS) == 0


async def test_draining(harness: Harness) -> None:
    node, proxy, (client,) = await served(harness, 1)
    await subscribe(client, "ledger")
    stopping = asyncio.create_task(proxy.stop())
    assert (await client.wait_closed())[0] == 1001
    await stopping
    await is_closed(node)


async def test_a_reload(harness: Harness) -> None:
    """Sessions go on with the connection they began with; new ones share one of their own."""
    node, proxy, (before,) = await served(harness, 1)
    await subscribe(before, "ledger")
    await proxy.reload(Settings.model_validate(harness.sections(node, websocket={"in_flight": 7})))
    after = await harness.client(proxy)
    await subscribe(after, "ledger")
    assert len(node.shared) == 2
    await node.subscriptions.push("ledger")
    for client in (before, after):
        assert (await client.receive())["ledger_index"] == 101
        await silent(client)
    await before.socket.close()
    await is_closed(node)
    await silent(after)


async def test_all_streams(harness: Harness) -> None:
    node, _, (client,) = await served(harness, 1)
    await subscribe(client, *STREAMS)
    for stream in STREAMS:
        await node.subscriptions.push(stream)
        for _ in range(2 if stream == "transactions" else 1):
            await client.receive()
        await silent(client)
