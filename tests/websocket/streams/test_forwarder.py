"""What is pushed on a session: in which version, to whom, and when."""

from typing import Any

import orjson
import pytest

from tests.conftest import StartNode
from tests.support.websocket_node import Client, House, ScriptedSession

each_way = pytest.mark.parametrize("house", [True, False], ids=["shared", "own"], indirect=True)
"""Streams come by the connection that sessions share, and by the session's own."""

OWN = {"share_subscriptions": False}

ACCOUNT = "rf1BiGeXwwQoi8Z2ueFYTEXSwuJYfV2Jpn"
HASH = "A" * 64


def transaction(version: int, **more: Any) -> dict[str, Any]:
    """A validated payment as `NetworkOPsImp::transJson` has it, in alphabetical order."""
    tx = {"Account": ACCOUNT, "DeliverMax": "1", "Destination": ACCOUNT, "TransactionType": "Payment", "date": 1}
    head = {"engine_result": "tesSUCCESS", "engine_result_code": 0, "engine_result_message": "Applied."}
    beside = {"close_time_iso": "2000-01-01T00:00:01Z", "ledger_hash": HASH, "ledger_index": 101, "meta": {}}
    message = {**head, **beside, "status": "closed", "type": "transaction", "validated": True, **more}
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
    house: House, node_version: int, client_version: int, **params: Any
) -> tuple[Client, ScriptedSession]:
    """A client subscribed to something, and the node's end of its session."""
    node = await house.node(accept, node_version)
    client = await house.client(await house.proxy(node, websocket={"share_subscriptions": house.shares}))
    params = params or {"streams": ["transactions"]}
    told = await client.ask({"command": "subscribe", "api_version": client_version, **params})
    assert told["status"] == "success"
    return client, await (node.shared_session() if house.shares and "streams" in params else node.session())


async def accept(session: ScriptedSession, asked: dict[str, Any]) -> None:
    """Takes every subscription, unless told otherwise."""
    if "refuse" in asked:
        await session.answer(asked, {"error": asked["refuse"], "error_code": 1, "error_message": "No."})
    else:
        await session.answer(asked)


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
    house: House, node_version: int, client_version: int, params: dict[str, Any]
) -> None:
    client, node = await subscribed(house, node_version, client_version, **params)
    for message in (transaction(node_version), validation(node_version)):
        await node.say(message)
        assert is_v1(await client.get()) is (client_version == 1)
    expected = transaction(client_version)
    await node.say(transaction(node_version))
    assert await client.get() == expected


@pytest.mark.parametrize("client_version", [1, 2])
async def test_account_history(house: House, client_version: int) -> None:
    """`NetworkOPsImp::addAccountHistoryJob` has members of its own beside the transaction."""
    history = {"account_history_tx_stream": {"account": ACCOUNT}}
    client, node = await subscribed(house, 3 - client_version, client_version, **history)
    for index, more in ((-1, {"account_history_boundary": True}), (-2, {"account_history_tx_first": True}), (0, {})):
        beside = {"account_history_ledger_index": 101, "account_history_tx_index": index, **more}
        await node.say(transaction(3 - client_version, **beside))
        assert await client.get() == transaction(client_version, **beside)


@pytest.mark.parametrize("client_version", [1, 2])
async def test_books_with_snapshot(demo_node: StartNode, house: House, client_version: int) -> None:
    """What a real rippled answered and pushed for a book from both sides."""
    from tests.support.conformance import recorded_stream

    node = await demo_node(3 - client_version)
    client = await house.client(await house.proxy(node))
    recorded = recorded_stream("books", "1" if client_version == 1 else "2")
    told = await client.ask(recorded["request"])
    assert {"asks", "bids"} <= told["result"].keys()
    assert told == recorded["response"]
    for message in recorded["messages"]:
        assert await client.get() == message


async def test_clios_transactions(house: House) -> None:
    """Clio writes the transaction first and the type behind it."""
    client, node = await subscribed(house, 2, 1)
    message = transaction(2)
    first = {name: message.pop(name) for name in ("tx_json", "meta", "type", "validated")}
    await node.say({**first, **message})
    assert await client.get() == transaction(1)


@each_way
async def test_unchanged_messages_pass_byte_for_byte(house: House) -> None:
    client, node = await subscribed(house, 2, 1, streams=["ledger", "consensus", "server", "book_changes", "manifests"])
    odd = b'{"type":"%s", "a":1.0,\n"b":1e2,"c":"\\u00e9","ledger_index":7}'
    for kind in (b"ledgerClosed", b"consensusPhase", b"serverStatus", b"bookChanges", b"manifestReceived", b"newKind"):
        await node.say(odd % kind)
        await client.get()
        assert client.raw == odd % kind
    spaced = b'{ "type" : "peerStatusChange", "x" : 1.50 }'
    await node.say(spaced)
    await client.get()
    assert client.raw == spaced


@each_way
async def test_same_version_passes_byte_for_byte(house: House) -> None:
    client, node = await subscribed(house, 2, 2)
    odd = b'{"type":"transaction","tx_json":{"x":1.0},"validated":true}'
    await node.say(odd)
    await client.get()
    assert client.raw == odd


@each_way
async def test_misshapen_messages_do_not_end_the_session(house: House) -> None:
    client, node = await subscribed(house, 2, 1)
    for odd in (b'{"type":"transaction"}', b'{"type":"transaction","tx_json":[]}', b'{"type":["transaction"]}'):
        await node.say(odd)
    await node.say(transaction(2))
    while "engine_result" not in (told := await client.get()):
        pass
    assert told == transaction(1)


async def test_the_last_subscribe_decides(house: House) -> None:
    """Also one to something else, one refused, and `path_find`; not `unsubscribe`, nor one refused as too busy."""
    client, node = await subscribed(house, 2, 1)
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
        await client.ask(request)
        await node.say(transaction(2))
        assert is_v1(await client.get()) is v1, request


async def test_a_subscribe_that_the_proxy_refuses_decides_nothing(house: House) -> None:
    client, node = await subscribed(house, 2, 1)
    for request in ({"url": "http://example.com/"}, {"api_version": 9}, {"admin_password": "x"}):
        assert "error" in await client.ask({"command": "subscribe", "api_version": 2, **request})
        await node.say(transaction(2))
        assert is_v1(await client.get())


async def test_pushed_right_behind_the_answer(house: House) -> None:
    """What a node pushes in one breath with its answer comes after it, and in the version of that subscribe."""

    async def at_once(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await session.answer(asked)
        for number in range(5):
            await session.say(transaction(2, number=number))

    client = await house.client(await house.proxy(await house.node(at_once), websocket=OWN))
    for version in (1, 2, 1):
        told = await client.ask({"command": "subscribe", "streams": ["transactions"], "api_version": version, "id": 1})
        assert told["type"] == "response"
        for number in range(5):
            message = await client.get()
            assert (is_v1(message), message["number"]) == (version == 1, number)


async def test_pushed_messages_wait_for_their_subscribe_behind_a_long_conversation(house: House) -> None:
    """The answer to `subscribe` waits for that of an earlier request which takes several questions."""
    node = await house.node()
    client = await house.client(await house.proxy(node, websocket=OWN))
    await client.send(
        {"command": "tx_history", "start": 0, "id": 1},
        {"command": "subscribe", "streams": ["transactions"], "id": 2},
    )
    session = await node.session()
    first, second = await session.hears(2)
    await session.answer(first, {"ledger_index": 1, "ledger": {}})
    await session.answer(second)
    await session.say(transaction(2))
    third = (await session.hears(3))[2]
    entry = {"tx_json": {"TransactionType": "AccountSet"}, "hash": HASH, "meta": {"TransactionIndex": 0}}
    await session.answer(third, {"ledger": {"transactions": [entry]}, "ledger_index": 1})
    told = [await client.get() for _ in range(3)]
    assert [message.get("id") for message in told] == [1, 2, None]
    assert told[2] == transaction(1)


@pytest.mark.parametrize("client_id", [{"id": {"mine": [1, "x"]}}, {"id": 2**70}, {"id": None}, {}])
async def test_path_find_updates_have_the_clients_id(house: House, client_id: dict[str, Any]) -> None:
    """A rippled puts the `id` of the `create` into the answers and into every update."""

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        created = next(request for request in session.heard if request["command"] == "path_find")
        await session.answer(asked, {"alternatives": [], "full_reply": False, "id": created["id"]})
        if asked.get("subcommand") == "create":
            await session.say({"alternatives": [], "full_reply": True, "id": created["id"], "type": "path_find"})

    client = await house.client(await house.proxy(await house.node(answer)))
    request = orjson.dumps({"command": "path_find", "subcommand": "create"})[:-1]
    written = (
        b"" if not client_id else b',"id":' + str(client_id["id"]).replace("'", '"').replace("None", "null").encode()
    )
    await client.send(request + written + b"}")
    told, update = await client.get(), await client.get()
    assert {name: told[name] for name in told.keys() & {"id"}} == client_id
    assert {name: told["result"][name] for name in told["result"].keys() & {"id"}} == client_id
    assert update == {"alternatives": [], "full_reply": True, "type": "path_find", **client_id}
    status = await client.ask({"command": "path_find", "subcommand": "status", "id": "status"})
    assert status["id"] == "status"
    assert {name: status["result"][name] for name in status["result"].keys() & {"id"}} == client_id


async def test_what_is_counted(house: House) -> None:
    node = await house.node(accept)
    proxy = await house.proxy(node)
    client = await house.client(proxy)
    book = {"taker_gets": {"currency": "XRP"}, "taker_pays": {"currency": "USD", "issuer": ACCOUNT}}
    params: dict[str, Any] = {"streams": ["ledger", "rt_transactions"], "accounts": ["r1", "r2"]}
    await client.ask({"command": "subscribe", **params, "books": [{**book, "both": True, "snapshot": True}]})
    await client.ask({"command": "subscribe", **params})  # again, which changes nothing
    name = "xrpl_proxy_subscriptions"
    for stream, count in {
        "ledger": 1,
        "transactions_proposed": 1,
        "accounts": 2,
        "books": 2,
        "transactions": 0,
    }.items():
        assert await house.metric(proxy, name, stream=stream, client_version="1") == count
    session = await node.session()
    await session.say(transaction(2))
    await session.say(b'{"type":"ledgerClosed","ledger_index":5}')
    await client.get()
    await client.get()
    pushed = "xrpl_proxy_stream_messages_total"
    assert await house.metric(proxy, pushed, stream="transactions", client_version="1", rewritten="true") == 1
    assert await house.metric(proxy, pushed, stream="ledger", client_version="1", rewritten="false") == 1
    await client.ask({"command": "subscribe", "streams": ["ledger"], "api_version": 2})
    assert await house.metric(proxy, name, client_version="1") == 0
    assert await house.metric(proxy, name, client_version="2") == 6
    await client.ask({"command": "unsubscribe", "accounts": ["r1"], "books": [book]})
    assert await house.metric(proxy, name, client_version="2") == 4
    assert await house.metric(proxy, "xrpl_proxy_sessions", client_version="1") == 1
    await client.socket.close()
    await house.metric_becomes(0, proxy, name)
    await house.metric_becomes(0, proxy, "xrpl_proxy_sessions")
    assert await house.metric(proxy, "xrpl_proxy_sessions_total") == 1


async def test_unsubscribed(demo_node: StartNode, house: House) -> None:
    """The demo node's recordings, to a session that subscribes, unsubscribes and goes on asking."""
    proxy = await house.proxy(await demo_node(2))
    client = await house.client(proxy)
    told = [(await client.ask({"command": "subscribe", "streams": ["ledger"]}))["type"]]
    await client.send({"command": "unsubscribe", "streams": ["ledger"]})
    await client.send({"command": "ping", "id": "end"})
    while (message := await client.get()).get("id") != "end":
        told.append(message.get("type"))
    assert told[0] == "response"
    assert set(told[1:]) == {"ledgerClosed", "response"}
    assert await house.metric(proxy, "xrpl_proxy_subscriptions") == 0
