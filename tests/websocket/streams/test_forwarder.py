"""What is pushed on a session: in which version, to whom, and when."""

from typing import Any

import orjson
import pytest
import structlog
from structlog.testing import capture_logs

from proxy.telemetry.log_rate import RateLimitedLog
from tests.support.harness import Client, Harness
from tests.support.scripted_node import ScriptedSession
from tests.support.start import StartNode

each_way = pytest.mark.parametrize("harness", [True, False], ids=["shared", "own"], indirect=True)
"""Streams come by the connection that sessions share, and by the session's own."""

OWN = {"share_subscriptions": False}

ACCOUNT = "rf1BiGeXwwQoi8Z2ueFYTEXSwuJYfV2Jpn"
HASH = "A" * 64


def transaction(version: int, **more: Any) -> dict[str, Any]:
    """A validated payment as `NetworkOPsImp::transJson` has it, in alphabetical order."""
    tx = {"Account": ACCOUNT, "DeliverMax": "1", "Destination": ACCOUNT, "TransactionType": "Payment", "date": 1}
    head = {"engine_result": "tesSUCCESS", "engine_result_code": 0, "engine_result_message": "Applied."}
    fields = {"close_time_iso": "2000-01-01T00:00:01Z", "ledger_hash": HASH, "ledger_index": 101, "meta": {}}
    message = {**head, **fields, "status": "closed", "type": "transaction", "validated": True, **more}
    if version == 1:
        message["transaction"] = {**tx, "Amount": "1", "hash": HASH}
    else:
        message.update(tx_json=tx, hash=HASH)
    return dict(sorted(message.items()))


def validation(version: int) -> dict[str, Any]:
    ledger_index: Any = "101" if version == 1 else 101
    return {"full": True, "ledger_hash": HASH, "ledger_index": ledger_index, "type": "validationReceived"}


def is_v1(message: dict[str, Any]) -> bool:
    if message["type"] == "validationReceived":
        return isinstance(message["ledger_index"], str)
    assert ("transaction" in message) != ("tx_json" in message)
    return "transaction" in message


async def subscribed(
    harness: Harness, node_version: int, client_version: int, **params: Any
) -> tuple[Client, ScriptedSession]:
    """A client subscribed to something, and the node's end of its session."""
    node = await harness.node(accept, node_version)
    client = await harness.client(
        await harness.proxy(node, websocket={"share_subscriptions": harness.share_subscriptions})
    )
    params = params or {"streams": ["transactions"]}
    response = await client.request({"command": "subscribe", "api_version": client_version, **params})
    assert response["status"] == "success"
    return client, await (
        node.shared_session() if harness.share_subscriptions and "streams" in params else node.session()
    )


async def accept(session: ScriptedSession, asked: dict[str, Any]) -> None:
    """Accepts every subscription."""
    if "refuse" in asked:
        await session.respond(asked, {"error": asked["refuse"], "error_code": 1, "error_message": "No."})
    else:
        await session.respond(asked)


@each_way
@pytest.mark.parametrize("node_version", [1, 2])
@pytest.mark.parametrize("client_version", [1, 2])
@pytest.mark.parametrize(
    "params",
    [
        {"streams": ["transactions", "transactions_proposed", "validations"]},
        {"accounts": [ACCOUNT]},
        {"accounts_proposed": [ACCOUNT]},
        {"books": [{"taker_gets": {"currency": "XRP"}, "taker_pays": {"currency": "USD", "issuer": ACCOUNT}}]},
    ],
    ids=lambda params: next(iter(params)),
)
async def test_pushed_in_the_clients_version(
    harness: Harness, node_version: int, client_version: int, params: dict[str, Any]
) -> None:
    client, node = await subscribed(harness, node_version, client_version, **params)
    for message in (transaction(node_version), validation(node_version)):
        await node.send(message)
        assert is_v1(await client.receive()) is (client_version == 1)
    expected = transaction(client_version)
    await node.send(transaction(node_version))
    assert await client.receive() == expected


@pytest.mark.parametrize("client_version", [1, 2])
async def test_account_history(harness: Harness, client_version: int) -> None:
    """`NetworkOPsImp::addAccountHistoryJob` has members of its own next to the transaction."""
    history = {"account_history_tx_stream": {"account": ACCOUNT}}
    client, node = await subscribed(harness, 3 - client_version, client_version, **history)
    for index, more in ((-1, {"account_history_boundary": True}), (-2, {"account_history_tx_first": True}), (0, {})):
        fields = {"account_history_ledger_index": 101, "account_history_tx_index": index, **more}
        await node.send(transaction(3 - client_version, **fields))
        assert await client.receive() == transaction(client_version, **fields)


@pytest.mark.parametrize("client_version", [1, 2])
async def test_books_with_snapshot(demo_node: StartNode, harness: Harness, client_version: int) -> None:
    """What a real rippled answered and pushed for a book from both sides."""
    from tests.support.conformance import recorded_stream

    node = await demo_node(3 - client_version)
    client = await harness.client(await harness.proxy(node))
    recorded = recorded_stream("books", "1" if client_version == 1 else "2")
    response = await client.request(recorded["request"])
    assert {"asks", "bids"} <= response["result"].keys()
    assert response == recorded["response"]
    for message in recorded["messages"]:
        assert await client.receive() == message


async def test_clios_transactions(harness: Harness) -> None:
    """Clio writes the transaction first and the type behind it."""
    client, node = await subscribed(harness, 2, 1)
    message = transaction(2)
    first = {name: message.pop(name) for name in ("tx_json", "meta", "type", "validated")}
    await node.send({**first, **message})
    assert await client.receive() == transaction(1)


@each_way
async def test_unchanged_messages_pass_byte_for_byte(harness: Harness) -> None:
    client, node = await subscribed(
        harness, 2, 1, streams=["ledger", "consensus", "server", "book_changes", "manifests"]
    )
    odd = b'{"type":"%s", "a":1.0,\n"b":1e2,"c":"\\u00e9","ledger_index":7}'
    for kind in (b"ledgerClosed", b"consensusPhase", b"serverStatus", b"bookChanges", b"manifestReceived", b"newKind"):
        await node.send(odd % kind)
        await client.receive()
        assert client.raw == odd % kind
    spaced = b'{ "type" : "peerStatusChange", "x" : 1.50 }'
    await node.send(spaced)
    await client.receive()
    assert client.raw == spaced


@each_way
async def test_same_version_passes_byte_for_byte(harness: Harness) -> None:
    client, node = await subscribed(harness, 2, 2)
    odd = b'{"type":"transaction","tx_json":{"x":1.0},"validated":true}'
    await node.send(odd)
    await client.receive()
    assert client.raw == odd


@each_way
async def test_misshapen_messages_do_not_end_the_session(harness: Harness) -> None:
    client, node = await subscribed(harness, 2, 1)
    for odd in (b'{"type":"transaction"}', b'{"type":"transaction","tx_json":[]}', b'{"type":["transaction"]}'):
        await node.send(odd)
    await node.send(transaction(2))
    while "engine_result" not in (response := await client.receive()):
        pass
    assert response == transaction(1)


async def test_the_last_subscribe_decides(harness: Harness) -> None:
    """Also one to something else, one refused, and `path_find`; not `unsubscribe`, nor one refused as too busy."""
    client, node = await subscribed(harness, 2, 1)
    steps: list[tuple[dict[str, Any], bool]] = [
        ({"command": "subscribe", "streams": ["ledger"], "api_version": 2}, False),
        ({"command": "subscribe", "streams": ["nonsense"], "api_version": 1, "refuse": "malformedStream"}, True),
        ({"command": "fee", "api_version": 2}, True),
        ({"command": "unsubscribe", "streams": ["ledger"], "api_version": 2}, True),
        ({"command": "subscribe", "streams": ["ledger"], "api_version": 2, "refuse": "tooBusy"}, True),
        ({"command": "path_find", "subcommand": "close", "api_version": 2, "refuse": "noPathRequest"}, False),
        ({"command": "subscribe", "streams": ["ledger"]}, True),
    ]
    for request, v1 in steps:
        await client.request(request)
        await node.send(transaction(2))
        assert is_v1(await client.receive()) is v1, request


async def test_a_subscribe_that_the_proxy_refuses_decides_nothing(harness: Harness) -> None:
    client, node = await subscribed(harness, 2, 1)
    for request in ({"url": "http://example.com/"}, {"api_version": 9}, {"admin_password": "x"}):
        assert "error" in await client.request({"command": "subscribe", "api_version": 2, **request})
        await node.send(transaction(2))
        assert is_v1(await client.receive())


async def test_pushed_right_after_the_response(harness: Harness) -> None:
    """What a node pushes in one breath with its answer comes after it, and in the version of that subscribe."""

    async def at_once(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await session.respond(asked)
        for number in range(5):
            await session.send(transaction(2, number=number))

    client = await harness.client(await harness.proxy(await harness.node(at_once), websocket=OWN))
    for version in (1, 2, 1):
        response = await client.request(
            {"command": "subscribe", "streams": ["transactions"], "api_version": version, "id": 1}
        )
        assert response["type"] == "response"
        for number in range(5):
            message = await client.receive()
            assert (is_v1(message), message["number"]) == (version == 1, number)


async def test_pushed_messages_wait_for_their_subscribe_after_a_long_translation(harness: Harness) -> None:
    """The answer to `subscribe` waits for that of an earlier request which takes several questions."""
    node = await harness.node()
    client = await harness.client(await harness.proxy(node, websocket=OWN))
    await client.send(
        {"command": "tx_history", "start": 0, "id": 1},
        {"command": "subscribe", "streams": ["transactions"], "id": 2},
    )
    session = await node.session()
    first, second = await session.wait_requests(2)
    await session.respond(first, {"ledger_index": 1, "ledger": {}})
    await session.respond(second)
    await session.send(transaction(2))
    third = (await session.wait_requests(3))[2]
    entry = {"tx_json": {"TransactionType": "AccountSet"}, "hash": HASH, "meta": {"TransactionIndex": 0}}
    await session.respond(third, {"ledger": {"transactions": [entry]}, "ledger_index": 1})
    response = [await client.receive() for _ in range(3)]
    assert [message.get("id") for message in response] == [1, 2, None]
    assert response[2] == transaction(1)


@pytest.mark.parametrize("client_id", [{"id": {"mine": [1, "x"]}}, {"id": 2**70}, {"id": None}, {}])
async def test_path_find_updates_have_the_clients_id(harness: Harness, client_id: dict[str, Any]) -> None:
    """A rippled puts the `id` of the `create` into the answers and into every update."""

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        created = next(request for request in session.requests if request["command"] == "path_find")
        await session.respond(asked, {"alternatives": [], "full_reply": False, "id": created["id"]})
        if asked.get("subcommand") == "create":
            await session.send({"alternatives": [], "full_reply": True, "id": created["id"], "type": "path_find"})

    client = await harness.client(await harness.proxy(await harness.node(answer)))
    request = orjson.dumps({"command": "path_find", "subcommand": "create"})[:-1]
    written = (
        b"" if not client_id else b',"id":' + str(client_id["id"]).replace("'", '"').replace("None", "null").encode()
    )
    await client.send(request + written + b"}")
    response, update = await client.receive(), await client.receive()
    assert {name: response[name] for name in response.keys() & {"id"}} == client_id
    assert {name: response["result"][name] for name in response["result"].keys() & {"id"}} == client_id
    assert update == {"alternatives": [], "full_reply": True, "type": "path_find", **client_id}
    status = await client.request({"command": "path_find", "subcommand": "status", "id": "status"})
    assert status["id"] == "status"
    assert {name: status["result"][name] for name in status["result"].keys() & {"id"}} == client_id


async def test_what_is_counted(harness: Harness) -> None:
    node = await harness.node(accept)
    proxy = await harness.proxy(node)
    client = await harness.client(proxy)
    book = {"taker_gets": {"currency": "XRP"}, "taker_pays": {"currency": "USD", "issuer": ACCOUNT}}
    params: dict[str, Any] = {"streams": ["ledger", "rt_transactions"], "accounts": ["r1", "r2"]}
    await client.request({"command": "subscribe", **params, "books": [{**book, "both": True, "snapshot": True}]})
    await client.request({"command": "subscribe", **params})  # again, which changes nothing
    name = "xrpl_proxy_subscriptions"
    for stream, count in {
        "ledger": 1,
        "transactions_proposed": 1,
        "accounts": 2,
        "books": 2,
        "transactions": 0,
    }.items():
        assert await harness.metric(proxy, name, stream=stream, client_version="1") == count
    session = await node.session()
    await session.send(transaction(2))
    await session.send(b'{"type":"ledgerClosed","ledger_index":5}')
    await client.receive()
    await client.receive()
    pushed = "xrpl_proxy_stream_messages_total"
    assert await harness.metric(proxy, pushed, stream="transactions", client_version="1", rewritten="true") == 1
    assert await harness.metric(proxy, pushed, stream="ledger", client_version="1", rewritten="false") == 1
    await client.request({"command": "subscribe", "streams": ["ledger"], "api_version": 2})
    assert await harness.metric(proxy, name, client_version="1") == 0
    assert await harness.metric(proxy, name, client_version="2") == 6
    await client.request({"command": "unsubscribe", "accounts": ["r1"], "books": [book]})
    assert await harness.metric(proxy, name, client_version="2") == 4
    assert await harness.metric(proxy, "xrpl_proxy_sessions_open", client_version="1") == 1
    await client.socket.close()
    await harness.wait_metric(0, proxy, name)
    await harness.wait_metric(0, proxy, "xrpl_proxy_sessions_open")
    assert await harness.metric(proxy, "xrpl_proxy_sessions_total") == 1


async def test_unsubscribed(demo_node: StartNode, harness: Harness) -> None:
    """The demo node's recordings, to a session that subscribes, unsubscribes and goes on asking."""
    proxy = await harness.proxy(await demo_node(2))
    client = await harness.client(proxy)
    response = [(await client.request({"command": "subscribe", "streams": ["ledger"]}))["type"]]
    await client.send({"command": "unsubscribe", "streams": ["ledger"]})
    await client.send({"command": "ping", "id": "end"})
    while (message := await client.receive()).get("id") != "end":
        response.append(message.get("type"))
    assert response[0] == "response"
    assert set(response[1:]) == {"ledgerClosed", "response"}
    assert await harness.metric(proxy, "xrpl_proxy_subscriptions") == 0


@pytest.mark.parametrize(("software", "changes"), [("rippled", True), ("clio", False)])
async def test_a_refused_subscribe_changes_the_version_on_rippled_only(
    harness: Harness, software: str, changes: bool
) -> None:
    """A Clio sets the version when it has validated the request."""

    async def respond(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await session.respond(asked, {"error": "actMalformed"} if asked["accounts"] == ["bad"] else {})

    node = await harness.node(respond)
    if software == "clio":
        node.info["clio_version"] = "2.4.0"
    client = await harness.client(await harness.proxy(node))
    await client.request({"command": "subscribe", "accounts": ["r1"], "api_version": 2})
    await client.request({"command": "subscribe", "accounts": ["bad"], "api_version": 1})
    await (await node.session()).send({"type": "transaction", "tx_json": {}, "hash": "A", "validated": True})
    assert ("transaction" in await client.receive()) is changes


async def test_a_node_that_skips_ledgers_all_the_time_is_logged_a_few_times(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = RateLimitedLog(structlog.get_logger(), lines=100)  # other tests read the lines of their own
    monkeypatch.setattr("proxy.websocket.streams.forwarder.log", limited)
    client, session = await subscribed(harness, 2, 2, streams=["ledger"])
    with capture_logs() as logs:
        for number in range(1, 1_001):
            await session.send(b'{"ledger_index":%d,"type":"ledgerClosed"}' % (200 + 10 * number))
            await client.receive()
    assert 1 <= len([entry for entry in logs if entry["event"] == "stream_gap"]) <= 200
