"""Streams that are the same for everyone: one connection and one subscription at a node for all its sessions."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from proxy.config import Settings
from proxy.server.proxy import Proxy
from tests.support.subscribing_node import STREAMS, SubscribingNode, error
from tests.support.websocket_node import SECONDS, Client, House, ScriptedSession
from tests.websocket.test_session import CLOSED, GAPS, RECONNECT, files_become, lose, open_files, unread

SUBSCRIPTIONS = "xrpl_proxy_subscriptions"


async def subscribe(client: Client, *streams: str, **more: Any) -> Any:
    told = await client.ask({"command": "subscribe", "streams": list(streams), **more})
    assert told["status"] == "success", told
    return told["result"]


async def unsubscribe(client: Client, *streams: str) -> None:
    assert (await client.ask({"command": "unsubscribe", "streams": list(streams)}))["status"] == "success"


async def served(house: House, clients: int, **sections: Any) -> tuple[SubscribingNode, Proxy, list[Client]]:
    node = await house.started(SubscribingNode())
    proxy = await house.proxy(node, **sections)
    return node, proxy, [await house.client(proxy) for _ in range(clients)]


async def silent(client: Client) -> None:
    """Nothing has been pushed to the client: the next that it gets is the answer to what it asks."""
    assert (await client.ask({"command": "fee", "id": "silent"}))["id"] == "silent"


async def is_closed(node: SubscribingNode, number: int = 0) -> None:
    async with asyncio.timeout(SECONDS):
        await node.shared[number].ended.wait()


async def test_once_for_all(house: House) -> None:
    """A node is asked once, tells each message once, and every client gets it in its version."""
    node, proxy, clients = await served(house, 6)
    for number, client in enumerate(clients):
        assert await subscribe(client, "transactions", "validations", api_version=1 + number % 2) == {}
    assert (node.asked["transactions"], node.asked["validations"], len(node.shared)) == (1, 1, 1)
    assert "X-Forwarded-For" not in node.shared[0].headers
    await node.push("transactions")
    await node.push("validations")
    for number, client in enumerate(clients):
        transaction, validation = await client.get(), await client.get()
        assert ("tx_json" in transaction) is (number % 2 == 1)
        assert isinstance(validation["ledger_index"], int) is (number % 2 == 1)
    pushed = "xrpl_proxy_stream_messages_total"
    assert await house.metric(proxy, pushed, stream="transactions", client_version="1", rewritten="true") == 3
    assert await house.metric(proxy, pushed, stream="transactions", client_version="2", rewritten="false") == 3
    assert await house.metric(proxy, SUBSCRIPTIONS) == 12


async def test_the_answer_is_the_nodes(house: House) -> None:
    """It tells the state of the moment, to each its own, and nothing of other streams."""
    node, _, (first, second) = await served(house, 2)
    assert await subscribe(first, "ledger") == {"ledger_index": 100, "validated_ledgers": "2-100"}
    await node.push("ledger")
    assert (await first.get())["ledger_index"] == 101
    assert (await subscribe(second, "consensus", "ledger"))["ledger_index"] == 101
    assert await subscribe(second, "server") == {"random": 1, "server_status": "full"}
    assert await subscribe(first, "server") == {"random": 2, "server_status": "full"}
    assert await subscribe(first, "consensus") == {}
    assert node.asked["consensus"] == 1


async def test_many_who_come_at_once_share_an_answer(house: House) -> None:
    """A node that all clients come back to is not asked by each; but a random number is for one."""
    node, _, clients = await served(house, 30)
    results = await asyncio.gather(*(subscribe(client, "ledger") for client in clients))
    assert {result["ledger_index"] for result in results} == {100}
    assert node.asked["ledger"] < 5
    results = await asyncio.gather(*(subscribe(client, "server") for client in clients))
    assert len({result["random"] for result in results}) == 30


async def test_many_who_want_to_know_the_state_wait_for_one_answer(house: House) -> None:
    """However they name what they want; and of random numbers each has its own."""
    node, _, (busy, *others) = await served(house, 12)
    await busy.send(*({"command": "subscribe", "streams": ["server"], "id": number} for number in range(60)))
    wanted = (["ledger", "server"], ["server", "consensus", "ledger", "ledger"])
    told = await asyncio.gather(*(subscribe(each, *wanted[number % 2]) for number, each in enumerate(others)))
    assert [(result["ledger_index"], result["server_status"]) for result in told] == [(100, "full")] * 11
    own = [(await busy.get())["result"]["random"] for _ in range(60)]
    assert len({*own, *(result["random"] for result in told)}) == 71
    assert node.asked["server"] <= 8


async def test_a_stream_that_an_older_node_refuses_takes_none_from_others(house: House) -> None:
    class Older(SubscribingNode):
        def _subscribe(self, session: ScriptedSession, asked: dict[str, Any]) -> dict[str, Any]:
            return error("malformedStream") if "manifests" in asked["streams"] else super()._subscribe(session, asked)

    node = await house.started(Older())
    proxy = await house.proxy(node)
    clients = [await house.client(proxy) for _ in range(4)]
    for number, client in enumerate(clients):  # before there is a connection, so that all are asked for at once
        await client.send({"command": "subscribe", "streams": ["manifests" if number % 2 else "consensus"]})
    told = [await client.get() for client in clients]
    assert [each.get("error") for each in told] == [None, "malformedStream"] * 2
    await node.push("consensus")
    assert (await clients[2].get())["type"] == "consensusPhase"
    await silent(clients[1])


async def test_what_is_pushed_while_a_subscribe_waits_for_its_answer(house: House) -> None:
    """It was before that, and does not wait behind it."""
    node, _, (client,) = await served(house, 1)
    await subscribe(client, "consensus")
    node.silent_to_shared = True
    await client.send({"command": "subscribe", "streams": ["ledger"], "id": 7})
    asked = (await node.shared[0].hears(2))[1]
    await node.push("consensus")
    assert (await client.get())["type"] == "consensusPhase"
    await node.shared[0].answer(asked, {"ledger_index": 100})
    await node.shared[0].say({"type": "ledgerClosed", "ledger_index": 101})
    assert (await client.get())["id"] == 7
    assert (await client.get())["ledger_index"] == 101


async def test_who_leaves_and_comes_back_costs_the_node_nothing(house: House) -> None:
    node, _, (client,) = await served(house, 1)
    for _ in range(50):
        await subscribe(client, "manifests")
        await unsubscribe(client, "manifests")
    assert len(node.shared) <= 3
    assert node.asked["manifests"] <= 3
    await node.push("manifests")
    await silent(client)


NONSENSE = [
    b'{"id":%d,"result":{x',
    b'{"id":%d,"result":[1],"type":"response"}',
    b'{"id":%d,"result":5,"type":"response"}',
]


@pytest.mark.parametrize("text", NONSENSE, ids=["no JSON", "a list", "a number"])
async def test_an_answer_that_is_none_hurts_nobody_else(house: House, text: bytes) -> None:
    node, _, (client, other) = await served(house, 2)
    await subscribe(other, "ledger")

    async def garble(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await (session.say(text % asked["id"]) if asked["command"] == "subscribe" else session.answer(asked))

    node.answer_by(garble)
    assert (await client.ask({"command": "subscribe", "streams": ["consensus"]}))["status"] == "error"
    await silent(client)
    await silent(other)
    await node.push("ledger")
    assert (await other.get())["type"] == "ledgerClosed"


@pytest.mark.parametrize("share", [True, False])
async def test_a_url_is_a_subscriber_of_its_own(house: House, share: bool) -> None:
    guard = {"allow_subscribe_url": True, "allow_admin_nodes": True}
    node, proxy, (client,) = await served(house, 1, websocket={"share_subscriptions": share}, guard=guard)
    await subscribe(client, "transactions", api_version=1)
    serve = node.answer_by(None)
    assert serve is not None

    async def beside(session: ScriptedSession, asked: dict[str, Any]) -> None:
        if "url" in asked:
            await session.answer(asked)
        elif (answering := serve(session, asked)) is not None:
            await answering

    node.answer_by(beside)
    to = {"url": "http://a.example/", "streams": ["transactions"], "api_version": 2}
    assert (await client.ask({"command": "subscribe", **to}))["status"] == "success"
    assert (await client.ask({"command": "unsubscribe", **to}))["status"] == "success"
    await node.push("transactions")
    assert "transaction" in await client.get()
    assert await house.metric(proxy, SUBSCRIPTIONS) == 1


async def test_the_order_of_answers(house: House) -> None:
    """As on a connection to a rippled, one after the other, whoever gave them; pushed messages after theirs."""
    node, _, (client,) = await served(house, 1)
    await client.send(
        {"command": "fee", "id": 1},
        {"command": "subscribe", "streams": ["ledger"], "id": 2},
        {"command": "fee", "id": 3},
        {"command": "subscribe", "streams": ["transactions"], "id": 4},
        {"command": "unsubscribe", "streams": ["ledger"], "id": 5},
        {"command": "version", "id": 6},
    )
    assert [(await client.get())["id"] for _ in range(6)] == [1, 2, 3, 4, 5, 6]
    await node.push("ledger")
    await node.push("transactions")
    assert (await client.get())["type"] == "transaction"
    await silent(client)


async def test_pushed_right_behind_the_answer(house: House) -> None:
    """What the node pushes in one breath with its answer comes after it, also where an earlier request takes longer."""

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        if session in node.sessions and len(session.heard) == 1:
            await session.answer(asked, {"ledger_index": 1, "ledger": {}})
        elif asked["command"] == "ledger":
            await gate.wait()
            entry = {"tx_json": {"TransactionType": "AccountSet"}, "hash": "A", "meta": {"TransactionIndex": 0}}
            await session.answer(asked, {"ledger": {"transactions": [entry]}, "ledger_index": 1})
        else:
            await session.answer(asked)
        if asked["command"] == "subscribe":
            for number in range(5):
                await session.say({"type": "consensusPhase", "number": number})
            gate.set()

    gate = asyncio.Event()
    node = await house.node(answer)
    client = await house.client(await house.proxy(node))
    await client.send(
        {"command": "tx_history", "start": 0, "id": 1}, {"command": "subscribe", "streams": ["consensus"], "id": 2}
    )
    told = [await client.get() for _ in range(7)]
    assert [message.get("id", message.get("number")) for message in told] == [1, 2, 0, 1, 2, 3, 4]


@pytest.mark.parametrize("streams", [["transactions", "transactions_proposed"], ["rt_transactions", "transactions"]])
async def test_both_streams_of_transactions(house: House, streams: list[str]) -> None:
    """A validated transaction comes by both, once to those who have one, twice to those who have both."""
    node, _, (both, validated, proposed) = await served(house, 3)
    await subscribe(both, *streams)
    await subscribe(validated, "transactions")
    await subscribe(proposed, "transactions_proposed")
    for _ in range(3):
        await node.push("transactions_proposed")
        await node.push("transactions")
    await node.push("consensus")
    for client, expected in (
        (both, [False, True, True] * 3),
        (validated, [True] * 3),
        (proposed, [False, True] * 3),
    ):
        assert [(await client.get())["validated"] for _ in expected] == expected
        await silent(client)


async def test_streams_of_transactions_come_and_go(house: House) -> None:
    """Whichever is begun with and whichever goes first, none is lost and none doubled."""
    node, _, (validated, proposed) = await served(house, 2)
    for first, second in (("transactions", "transactions_proposed"), ("transactions_proposed", "transactions")):
        holders = {"transactions": validated, "transactions_proposed": proposed}
        one, other = holders[first], holders[second]
        await subscribe(one, first)
        await node.push("transactions")
        before = await one.get()
        await subscribe(other, second)
        await node.push("transactions")
        together = await one.get()
        assert await other.get() == together != before
        await unsubscribe(one, first)
        await node.push("transactions")
        assert await other.get() != together
        await silent(one)
        await unsubscribe(other, second)
        await node.push("transactions")
        await silent(other)


async def test_a_transaction_by_its_stream_and_its_account(house: House) -> None:
    node, _, (client, late) = await served(house, 2)
    await subscribe(client, "transactions", accounts=["r1"])
    assert not node.shared  # all by its own connection, in the order of which they come
    await subscribe(late, "transactions")
    await late.ask({"command": "subscribe", "accounts": ["r1"]})
    await node.push("transactions", "r1")
    for each in (client, late):
        assert await each.get() == await each.get()
    await node.push("transactions", "r2")
    for each in (client, late):
        await each.get()
        await silent(each)


async def test_one_of_many_unsubscribes(house: House) -> None:
    """The node is told when the last one goes, and the connection is closed when nobody wants anything."""
    node, proxy, (first, second) = await served(house, 2)
    await subscribe(first, "consensus", "manifests")
    await subscribe(second, "consensus")
    await unsubscribe(first, "consensus")
    await node.push("consensus")
    assert (await second.get())["type"] == "consensusPhase"
    await silent(first)
    await unsubscribe(second, "consensus")
    asked = await node.shared[0].hears(2)
    assert (asked[-1]["command"], asked[-1]["streams"]) == ("unsubscribe", ["consensus"])
    await silent(second)
    assert node.streams_of(node.shared[0]) == ["manifests"]
    await unsubscribe(first, "manifests")
    await is_closed(node)
    assert await house.metric(proxy, SUBSCRIPTIONS) == 0
    await subscribe(first, "manifests")
    await node.push("manifests")
    assert (await first.get())["type"] == "manifestReceived"
    assert len(node.shared) == 2


async def test_a_stream_that_cannot_be_ended(house: House) -> None:
    """Rippled's `unsubscribe` knows no `book_changes`, and goes no further than to there."""
    node, _, (client, other) = await served(house, 2)
    for each in (client, other):
        await subscribe(each, "book_changes", "ledger", "manifests")
    request = {"command": "unsubscribe", "streams": ["ledger", "book_changes", "manifests"]}
    assert (await client.ask(request))["error"] == "malformedStream"
    for stream in ("ledger", "book_changes", "manifests"):
        await node.push(stream)
    assert [(await client.get())["type"] for _ in range(2)] == ["bookChanges", "manifestReceived"]
    await silent(client)
    await client.socket.close()
    await other.socket.close()
    await is_closed(node)


async def test_a_subscribe_that_is_refused_half_way(house: House) -> None:
    """What stands before the fault has taken effect, what stands behind it has not, and nothing comes twice."""
    node, _, (client,) = await served(house, 1)
    await subscribe(client, "consensus")
    streams = ["consensus", "manifests", "nonsense", "validations"]
    assert (await client.ask({"command": "subscribe", "streams": streams}))["error"] == "malformedStream"
    request = {"command": "subscribe", "streams": ["server"], "accounts": []}
    assert (await client.ask(request))["error"] == "actMalformed"
    await (await node.shared_session()).hears(3)
    await silent(client)
    for stream in ("validations", "consensus", "manifests", "server"):
        await node.push(stream)
    told = [(await client.get())["type"] for _ in range(3)]
    assert told == ["consensusPhase", "manifestReceived", "serverStatus"]
    await silent(client)


async def test_the_last_subscribe_decides_the_version(house: House) -> None:
    node, _, (client, other) = await served(house, 2)
    await subscribe(other, "transactions")
    for version, streams in ((1, ["transactions"]), (2, ["ledger"]), (1, ["nonsense"]), (2, ["transactions"])):
        await client.ask({"command": "subscribe", "streams": streams, "api_version": version})
        await node.push("transactions")
        assert ("tx_json" in await client.get()) is (version == 2)
        assert "transaction" in await other.get()


async def test_a_session_ends_while_it_is_pushed_to(house: House) -> None:
    node, proxy, (going, staying) = await served(house, 2)
    await subscribe(going, "transactions")
    await subscribe(staying, "transactions")
    for number in range(20):
        await node.push("transactions")
        if number == 10:
            going.socket._writer.transport.abort()
    for _ in range(20):
        await staying.get()
    await house.metric_becomes(1, proxy, "xrpl_proxy_sessions")
    await silent(staying)
    await staying.socket.close()
    await is_closed(node)
    await house.metric_becomes(0, proxy, SUBSCRIPTIONS)


async def test_a_slow_client_holds_nobody(house: House) -> None:
    node, proxy, (other,) = await served(house, 1, websocket={"queue_bytes": 100_000})
    await subscribe(other, "ledger")
    files = open_files()
    slow = await unread(proxy.http_url)
    await house.metric_becomes(2, proxy, SUBSCRIPTIONS)
    for _ in range(400):
        await node.shared[0].say(b'{"type":"ledgerClosed","filling":"%b"}' % (b"x" * 20_000))
        await other.get()
    await house.metric_becomes(1, proxy, CLOSED, reason="client_too_slow")
    await house.metric_becomes(0, proxy, "xrpl_proxy_session_queue_bytes")
    await silent(other)
    await files_become(files + 1)  # the slow client's own
    slow.close()


@pytest.mark.parametrize("size", [1, 125, 126, 65_535, 65_536, 300_000])
@pytest.mark.parametrize("compress", [0, 15])
async def test_messages_of_any_length(house: House, size: int, compress: int) -> None:
    node = await house.started(SubscribingNode())
    client = await house.client(await house.proxy(node), compress=compress)
    await subscribe(client, "consensus")
    head, tail = b'{"type":"consensusPhase","filling":"', b'"}'
    message = head + b"x" * (size - len(head) - len(tail)) + tail
    for _ in range(3):
        await node.shared[0].say(message)
        await client.get()
        assert client.raw == message


async def test_off(house: House) -> None:
    node, _, clients = await served(house, 2, websocket={"share_subscriptions": False})
    for client in clients:
        await subscribe(client, "ledger")
    assert node.asked["ledger"] == 2
    assert not node.shared


async def test_a_clio_has_no_pairs(house: House) -> None:
    """What a Clio gives on as proposed is not a rippled's, and comes to each session by its own connection."""
    node = SubscribingNode()
    node.info = {"clio_version": "2.4.0"}
    client = await house.client(await house.proxy(await house.started(node)))
    await subscribe(client, "ledger", "transactions")
    assert node.streams_of(node.shared[0]) == ["ledger", "transactions"]
    await subscribe(client, "transactions_proposed")
    assert node.streams_of(node.sessions[0]) == ["transactions_proposed"]


async def test_a_node_with_no_connection_to_share(house: House) -> None:
    """Each session subscribes by its own."""
    node, _, clients = await served(house, 2)
    node.refuses_to_share = True
    for number, client in enumerate(clients):
        assert await subscribe(client, "ledger", "consensus") == {"ledger_index": 100, "validated_ledgers": "2-100"}
        assert node.streams_of(node.sessions[number]) == ["ledger", "consensus"]
    await node.push("consensus")
    for client in clients:
        assert (await client.get())["type"] == "consensusPhase"
        await unsubscribe(client, "consensus")
    await node.push("consensus")
    for client in clients:
        await silent(client)


async def test_who_unsubscribes_before_it_was_found_that_a_node_shares_nothing(house: House) -> None:
    node, _, (client,) = await served(house, 1)
    node.refuses_to_share = True
    streams = ["ledger", "consensus"]
    await client.send(
        {"command": "subscribe", "streams": streams, "id": 1},
        {"command": "unsubscribe", "streams": ["ledger"], "id": 2},
    )
    assert [(await client.get())["id"] for _ in range(2)] == [1, 2]
    for stream in streams:
        await node.push(stream)
    assert (await client.get())["type"] == "consensusPhase"
    await silent(client)


async def test_what_stands_before_a_fault_takes_effect_where_a_node_shares_nothing(house: House) -> None:
    node, _, (client,) = await served(house, 1)
    await subscribe(client, "ledger")
    await unsubscribe(client, "ledger")
    await is_closed(node)
    node.refuses_to_share = True
    told = await client.ask({"command": "subscribe", "streams": ["consensus", "nonsense"]})
    assert told["error"] == "malformedStream"
    await node.push("consensus")
    assert (await client.get())["type"] == "consensusPhase"


async def test_a_node_that_does_not_answer_who_wants_to_share(house: House) -> None:
    node, _, (client,) = await served(house, 1, timeouts={"connect": 0.3})
    node.ignores_shared = True
    await subscribe(client, "consensus")
    await node.push("consensus")
    assert (await client.get())["type"] == "consensusPhase"


async def test_the_shared_connection_is_lost(house: House) -> None:
    """To the sessions that have streams by it, it is as if they had lost their node."""
    node, proxy, (client, other) = await served(house, 2)
    await subscribe(client, "ledger")
    await lose(node.shared[0])
    assert (await client.closing())[0] == 1012
    await silent(other)
    await house.metric_becomes(1, proxy, CLOSED, reason="node_lost")


async def test_a_session_that_loses_its_node_while_it_waits_for_the_shared_one(house: House) -> None:
    """What was under way is answered before the session ends, also what waits behind it for its turn."""
    node, _, (client,) = await served(house, 1)
    node.silent_to_shared = True
    await client.send({"command": "subscribe", "streams": ["ledger"], "id": 1}, {"command": "version", "id": 2})
    await (await node.shared_session(0)).hears(1)
    await lose(node.sessions[0])
    told = await client.get()
    assert (told["id"], told["status"]) == (1, "error")
    assert (await client.get())["id"] == 2
    assert (await client.closing())[0] == 1012


async def test_going_on_elsewhere(house: House) -> None:
    """The sessions share a connection there too, and the ledgers that were missed are told."""
    node, other = await house.started(SubscribingNode()), SubscribingNode()
    other.ledger_index = 105
    proxy = await house.proxy(node, **RECONNECT)
    clients = [await house.client(proxy) for _ in range(3)]
    for client in clients:
        await subscribe(client, "ledger", "transactions", api_version=2)
    await node.push("ledger")
    for client in clients:
        assert (await client.get())["ledger_index"] == 101
    node.ledger_index = 105
    with capture_logs() as logs:
        await lose(node.shared[0])
        await (await node.shared_session(1)).hears(1)
        for number in range(3, 6):
            await node.session(number)
        await house.metric_becomes(3 * 4, proxy, GAPS)
        await node.push("ledger")
        for client in clients:
            assert (await client.get())["ledger_index"] == 106
            await silent(client)
    assert [entry["missed"] for entry in logs if entry["event"] == "stream_gap"] == [4] * 3
    assert node.streams_of(node.shared[1]) == ["ledger", "transactions"]
    assert await house.metric(proxy, GAPS) == 3 * 4
    assert await house.metric(proxy, SUBSCRIPTIONS) == 6


async def test_a_session_that_loses_its_own_connection(house: House) -> None:
    node, proxy, (client, other) = await served(house, 2, **RECONNECT)
    await subscribe(client, "ledger")
    await subscribe(other, "ledger")
    await lose(node.sessions[0])
    await node.session(2)
    await silent(client)
    await node.push("ledger")
    for each in (client, other):
        assert (await each.get())["ledger_index"] == 101
        await silent(each)
    assert len(node.shared) == 1
    assert await house.metric(proxy, GAPS) == 0


async def test_draining(house: House) -> None:
    node, proxy, (client,) = await served(house, 1)
    await subscribe(client, "ledger")
    stopping = asyncio.create_task(proxy.stop())
    assert (await client.closing())[0] == 1001
    await stopping
    await is_closed(node)


async def test_a_reload(house: House) -> None:
    """Sessions go on with the connection they began with; new ones share one of their own."""
    node, proxy, (before,) = await served(house, 1)
    await subscribe(before, "ledger")
    await proxy.reload(Settings.model_validate(house.sections(node, websocket={"in_flight": 7})))
    after = await house.client(proxy)
    await subscribe(after, "ledger")
    assert len(node.shared) == 2
    await node.push("ledger")
    for client in (before, after):
        assert (await client.get())["ledger_index"] == 101
        await silent(client)
    await before.socket.close()
    await is_closed(node)
    await silent(after)


async def test_all_streams(house: House) -> None:
    node, _, (client,) = await served(house, 1)
    await subscribe(client, *STREAMS)
    for stream in STREAMS:
        await node.push(stream)
        for _ in range(2 if stream == "transactions" else 1):
            await client.get()
        await silent(client)
