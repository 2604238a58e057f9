"""The long life of a session: silent peers, lost nodes, slow clients, and its end."""

import asyncio
import gc
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import WSMsgType, web
from structlog.testing import capture_logs

from proxy.nodes.websocket import NodeConnection
from proxy.websocket.node_channel import NodeChannel
from proxy.websocket.node_session import NodeSession
from proxy.websocket.requests import PendingRequests
from proxy.websocket.send_queue import SendQueue
from proxy.websocket.session import Session
from tests.conftest import StartNode
from tests.support.websocket_node import House, ScriptedSession

CLOSED = "xrpl_proxy_session_closed_total"
GAPS = "xrpl_proxy_stream_gaps_total"
BRISK = {"ping_interval": 0.1}
RECONNECT = {"websocket": {"reconnect": True}, "timeouts": {"reconnect": 3.0, "health_interval": 0.05}}


async def accept(session: ScriptedSession, asked: dict[str, Any]) -> None:
    await session.answer(asked, {"asked": asked["command"]})


# Pings


async def test_a_clients_ping_is_answered(house: House) -> None:
    client = await house.client(await house.proxy(await house.node(accept)), autoping=False)
    await client.socket.ping(b"x")
    message = await client.socket.receive(2)
    assert (message.type, message.data) == (WSMsgType.PONG, b"x")


async def test_peers_are_pinged_and_stay_while_they_answer(house: House) -> None:
    """A session goes on in silence as long as both peers are there."""
    client = await house.client(await house.proxy(await house.node(accept), websocket=BRISK), autoping=False)
    for _ in range(4):
        message = await client.socket.receive(2)
        assert message.type is WSMsgType.PING
        await client.socket.pong(message.data)
    assert (await client.ask({"command": "fee"}))["status"] == "success"


async def test_a_silent_client_is_given_up(house: House) -> None:
    node = await house.node(accept)
    proxy = await house.proxy(node, websocket=BRISK)
    await house.client(proxy, autoping=False)
    await house.metric_becomes(1, proxy, CLOSED, reason="client_silent")
    await house.metric_becomes(0, proxy, "xrpl_proxy_sessions")
    async with asyncio.timeout(2):
        await (await node.session()).ended.wait()


async def test_a_silent_node_is_given_up(house: House) -> None:
    node = await house.node(accept, autoping=False)
    proxy = await house.proxy(node, websocket=BRISK)
    client = await house.client(proxy)
    assert await client.closing() == (1012, "the connection to the node was lost")
    await house.metric_becomes(1, proxy, CLOSED, reason="node_silent")


@pytest.mark.parametrize("close", [True, False])
async def test_a_client_that_goes(house: House, close: bool) -> None:
    node = await house.node(accept)
    proxy = await house.proxy(node)
    client = await house.client(proxy)
    await client.send({"command": "fee"})
    if close:
        await client.socket.close()
    else:
        client.socket._writer.transport.abort()
    await house.metric_becomes(1, proxy, CLOSED, reason="client_closed" if close else "client_gone")
    async with asyncio.timeout(2):
        await (await node.session()).ended.wait()


async def test_a_client_that_pings_and_goes(house: House) -> None:
    """A pong that cannot be sent any more is no fault of the proxy's."""
    proxy = await house.proxy(await house.node(accept))
    with capture_logs() as logs:
        for _ in range(20):
            client = await house.client(proxy)
            for _ in range(20):
                await client.socket.ping(b"x" * 100)
            client.socket._writer.transport.abort()
        await house.metric_becomes(0, proxy, "xrpl_proxy_sessions")
    assert not [entry for entry in logs if entry["log_level"] == "error"]


# The node is lost


@pytest.mark.parametrize("close", [1000, 1001, 1013, None])
async def test_a_lost_node_is_told(house: House, close: int | None) -> None:
    """What is under way fails first, then the close frame names a code that client libraries reconnect on."""
    node = await house.node()
    proxy = await house.proxy(node)
    client = await house.client(proxy)
    await client.send({"command": "submit", "tx_blob": "00", "id": 1}, {"command": "fee", "id": 2, "api_version": 2})
    session = await node.session()
    await session.hears(2)
    if close is None:
        assert session.transport is not None
        session.transport.abort()
    else:
        await session.socket.close(code=close)
    first, second = await client.get(), await client.get()
    assert (first["id"], first["error"]) == (1, "internal")
    assert "not known whether the node acted" in first["error_message"]
    assert (second["id"], second["error"]) == (2, "internal")
    assert "not known" not in second["error_message"]
    assert await client.closing() == (1012, "the connection to the node was lost")
    await house.metric_becomes(1, proxy, CLOSED, reason="node_lost")
    assert len(session.heard) == 2


async def test_a_node_that_throws_the_client_out(house: House) -> None:
    """A node's own verdict on a client (1008) is given on, and not evaded by going to another node."""
    node = await house.node()
    proxy = await house.proxy(node, **RECONNECT)
    client = await house.client(proxy)
    await (await node.session()).socket.close(code=1008, message=b"threshold exceeded")
    assert await client.closing() == (1008, "threshold exceeded")
    await house.metric_becomes(1, proxy, CLOSED, reason="node_refuses")
    assert len(node.sessions) == 1


async def test_both_sides_close_at_once(house: House) -> None:
    node = await house.node()
    proxy = await house.proxy(node)
    clients = [await house.client(proxy) for _ in range(10)]
    with capture_logs() as logs:
        sessions = [await node.session(number) for number in range(10)]
        await asyncio.gather(*(c.socket.close() for c in clients), *(s.socket.close() for s in sessions))
        await house.metric_becomes(0, proxy, "xrpl_proxy_sessions")
    assert await house.metric(proxy, CLOSED) == 10
    assert not [entry for entry in logs if entry["log_level"] == "error"]


# Going on at another node


async def lose(session: ScriptedSession) -> None:
    assert session.transport is not None
    session.transport.abort()


async def test_reconnecting(house: House) -> None:
    """The session goes on, subscribed to the same, and a gap is counted and logged."""
    book: dict[str, Any] = {"taker_gets": {"currency": "XRP"}, "taker_pays": {"currency": "USD", "issuer": "r3"}}

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        ledger_index = 100 if session is node.sessions[0] else 104
        await session.answer(asked, {"ledger_index": ledger_index} if "ledger" in asked.get("streams", ()) else {})

    node = await house.node(answer)
    proxy = await house.proxy(node, **RECONNECT)
    client = await house.client(proxy)
    await client.ask({"command": "subscribe", "streams": ["ledger", "transactions"], "api_version": 2})
    await client.ask({"command": "subscribe", "accounts": ["r1", "r2"], "books": [{**book, "snapshot": True}]})
    await client.ask({"command": "unsubscribe", "accounts": ["r2"]})
    first = await node.session()
    await first.say(b'{"type":"ledgerClosed","ledger_index":101}')
    await client.get()
    with capture_logs() as logs:
        await lose(first)
        second = await node.session(1)
        heard = await second.hears(3)
        await second.say(b'{"type":"ledgerClosed","ledger_index":105}')
        assert (await client.get())["ledger_index"] == 105
    asked = {name: request[name] for request in heard for name in ("streams", "accounts", "books") if name in request}
    assert asked == {"streams": ["ledger", "transactions"], "accounts": ["r1"], "books": [book]}
    assert await house.metric(proxy, GAPS) == 3
    gap = next(entry for entry in logs if entry["event"] == "stream_gap")
    assert (gap["missed"], gap["ledger_index"], gap["peer"]) == (3, 104, "127.0.0.1")
    assert (await client.ask({"command": "fee"}))["status"] == "success"
    assert await house.metric(proxy, "xrpl_proxy_subscriptions") == 4


async def test_no_gap_is_told_where_there_is_none(house: House) -> None:
    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await session.answer(asked, {"ledger_index": 100})

    node = await house.node(answer)
    proxy = await house.proxy(node, **RECONNECT)
    client = await house.client(proxy)
    await client.ask({"command": "subscribe", "streams": ["ledger"], "accounts": ["r1"]})
    await lose(await node.session())
    await (await node.session(1)).hears(2)
    await (await node.session(1)).say(b'{"type":"ledgerClosed","ledger_index":101}')
    await client.get()
    assert await house.metric(proxy, GAPS) == 0


async def test_a_gap_for_who_follows_no_ledgers(house: House) -> None:
    """The newest validated ledger of the nodes before and after tells how many may have been missed."""

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await session.answer(asked, {"ledger_index": 107} if asked["command"] == "ledger" else {})

    node = await house.node(answer)
    proxy = await house.proxy(node, **RECONNECT)
    client = await house.client(proxy)
    await client.ask({"command": "subscribe", "accounts": ["r1"]})
    await lose(await node.session())
    await (await node.session(1)).hears(2)
    await house.metric_becomes(7, proxy, GAPS)


async def test_requests_while_reconnecting(house: House) -> None:
    """What was under way fails and is never asked again; what comes meanwhile is asked once, afterwards."""
    gate = asyncio.Event()

    async def hold() -> web.Response | None:
        await gate.wait()
        return None

    node = await house.node()
    proxy = await house.proxy(node, **RECONNECT)
    client = await house.client(proxy)
    await client.send({"command": "submit", "tx_blob": "01", "id": 1})
    first = await node.session()
    await first.hears(1)
    node.before_handshake = hold
    await lose(first)
    assert (await client.get())["error"] == "internal"
    await client.send({"command": "submit", "tx_blob": "02", "id": 2}, {"command": "fee", "id": 3})
    gate.set()
    second = await node.session(1)
    heard = await second.hears(2)
    assert [request.get("tx_blob") for request in heard] == ["02", None]
    for request in heard:
        await second.answer(request)
    assert [(await client.get())["id"] for _ in range(2)] == [2, 3]
    assert [request["tx_blob"] for s in node.sessions for request in s.heard if "tx_blob" in request] == ["01", "02"]


async def test_requests_that_wait_for_a_node_in_vain(house: House) -> None:
    """They are answered before the session is closed."""
    node = await house.node()
    proxy = await house.proxy(node, websocket={"reconnect": True}, timeouts={"reconnect": 0.4, "health_interval": 0.05})
    client = await house.client(proxy)
    first = await node.session()

    noticed = asyncio.Event()

    async def refuse() -> web.Response:
        noticed.set()
        return web.Response(status=503)

    node.before_handshake = refuse
    await lose(first)
    await noticed.wait()
    await client.send({"command": "submit", "tx_blob": "01", "id": 1}, {"command": "fee", "id": 2, "api_version": 2})
    told = [await client.get() for _ in range(2)]
    assert [(answer["id"], answer["error"]) for answer in told] == [(1, "noNetwork"), (2, "notSynced")]
    assert (await client.closing())[0] == 1012


async def test_another_node_of_another_version(house: House) -> None:
    """The session is spoken to in the new node's version, and the client notices nothing."""

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        data: dict[str, Any] = {"Account": "r1", "Flags": 0}
        lists = ["list"]
        result: dict[str, Any] = {"account_data": {**data, "signer_lists": lists}} if asked["api_version"] == 1 else {}
        await session.answer(asked, result or {"account_data": data, "signer_lists": lists})

    newer, older = await house.node(answer, 2), await house.node(answer, 1)
    proxy = await house.proxy(newer, older, **RECONNECT)
    client = await house.client(proxy)  # a client of version 1, so that the node of version 1 is chosen
    request = {"command": "account_info", "account": "r1", "signer_lists": True}
    await client.ask({"command": "subscribe", "streams": ["transactions"]})
    before = await client.ask(request)
    await older.stop()
    session = await newer.session()
    await session.hears(1)
    tx = {"TransactionType": "AccountSet"}
    await session.say({"type": "transaction", "tx_json": tx, "hash": "A", "validated": True})
    pushed = await client.get()
    assert pushed == {"type": "transaction", "transaction": {**tx, "hash": "A"}, "validated": True}
    assert await client.ask(request) == before
    assert session.heard[-1]["api_version"] == 2


@pytest.mark.parametrize(
    "request_",
    [
        {"command": "path_find", "subcommand": "create"},
        {"command": "subscribe", "account_history_tx_stream": {"account": "r1"}},
        {"command": "subscribe", "streams": ["ledger", "nonsense"], "fails": True},
    ],
    ids=["path_find", "history", "half refused"],
)
async def test_what_cannot_go_on_is_closed(house: House, request_: dict[str, Any]) -> None:
    """Histories and paths begin anew, and of a subscribe refused half way nobody knows what has taken effect."""

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await session.answer(asked, {"error": "malformedStream"} if "fails" in asked else {})

    node = await house.node(answer)
    client = await house.client(await house.proxy(node, **RECONNECT))
    await client.ask(request_)
    await lose(await node.session())
    assert (await client.closing())[0] == 1012
    assert len(node.sessions) == 1


async def test_path_find_ended(house: House) -> None:
    """`status` does not end it, `close` does, and then the session can go on elsewhere."""
    node = await house.node(accept)
    client = await house.client(await house.proxy(node, **RECONNECT))
    for subcommand in ("create", "status", "close"):
        await client.ask({"command": "path_find", "subcommand": subcommand})
    await lose(await node.session())
    await node.session(1)
    assert (await client.ask({"command": "fee"}))["status"] == "success"
    await client.ask({"command": "path_find", "subcommand": "create"})
    await client.ask({"command": "path_find", "subcommand": "status"})
    await lose(await node.session(1))
    assert (await client.closing())[0] == 1012


async def test_a_node_that_refuses_the_subscriptions(house: House) -> None:
    """It is tried again, and no connection to it is left open."""

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        refused = 0 < node.sessions.index(session) < 3
        await session.answer(asked, {"error": "noNetwork"} if refused else {})

    node = await house.node(answer)
    client = await house.client(await house.proxy(node, **RECONNECT))
    await client.ask({"command": "subscribe", "accounts": ["r1"]})
    await lose(await node.session())
    await (await node.session(3)).hears(1)
    for number in (1, 2):
        async with asyncio.timeout(2):
            await node.sessions[number].ended.wait()
    assert (await client.ask({"command": "fee"}))["status"] == "success"


# Slow clients


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def files_become(wanted: int) -> None:
    """Waits until so many files are open: the nodes', proxies' and clients' sockets among them."""
    for _ in range(100):
        if open_files() == wanted:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{open_files()} files are open, not {wanted}")


async def unread(url: str) -> socket.socket:
    """A client that has upgraded, subscribed, and reads nothing from now on: its window is as small as can be."""
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(plain, (host, int(port)))
    head = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    await loop.sock_sendall(plain, (head + key).encode())
    await loop.sock_recv(plain, 4096)
    body = b'{"command":"subscribe","streams":["ledger"]}'
    await loop.sock_sendall(plain, bytes([0x81, 0x80 | len(body), 0, 0, 0, 0]) + body)
    return plain


async def test_a_slow_client(house: House) -> None:
    """It is closed when its bound is reached, its connection with it; no other client notices."""
    node = await house.node(accept)
    proxy = await house.proxy(node, websocket={"queue_bytes": 100_000})
    other = await house.client(proxy)
    await other.ask({"command": "fee"})
    await house.metric(proxy, CLOSED)
    files = open_files()
    slow = await unread(proxy.http_url)
    session = await node.session(1)
    await session.hears(1)
    message = orjson.dumps({"type": "bookChanges", "changes": "x" * 20_000})
    try:
        for _ in range(1000):
            await session.say(message)
            await asyncio.sleep(0)
    except ConnectionError:
        pass  # it is closed by now
    await house.metric_becomes(1, proxy, CLOSED, reason="client_too_slow")
    await house.metric_becomes(0, proxy, "xrpl_proxy_session_queue_bytes")
    await house.metric_becomes(1, proxy, "xrpl_proxy_sessions")
    assert (await other.ask({"command": "fee"}))["status"] == "success"
    await files_become(files + 1)  # the slow client's own
    slow.close()


async def test_a_slow_client_that_reads_in_the_end_is_told(house: House) -> None:
    node = await house.node(accept)
    proxy = await house.proxy(node, websocket={"queue_bytes": 10_000})
    client = await house.client(proxy)
    await client.ask({"command": "fee"})
    session = await node.session()
    with suppress(ConnectionError):  # it is closed by then
        for _ in range(50):  # more than may wait, here and in all that is between
            await session.say(orjson.dumps({"type": "bookChanges", "changes": "x" * 500_000}))
    code, reason = await client.closing()
    assert (code, reason) == (1008, "client is too slow")


async def test_what_waits_for_an_answer_is_bounded(house: House) -> None:
    """Pushed messages held back by a subscribe that waits for an earlier answer count as well."""
    node = await house.node()
    proxy = await house.proxy(node, websocket={"queue_bytes": 10_000, "share_subscriptions": False})
    client = await house.client(proxy)
    await client.send({"command": "tx_history", "start": 0}, {"command": "subscribe", "streams": ["ledger"]})
    session = await node.session()
    first, second = await session.hears(2)
    await session.answer(first, {"ledger_index": 1, "ledger": {}})
    await session.answer(second)
    for _ in range(20):
        await session.say(orjson.dumps({"type": "bookChanges", "changes": "x" * 1_000}))
    assert (await client.closing())[0] == 1008
    await house.metric_becomes(1, proxy, CLOSED, reason="client_too_slow")
    await house.metric_becomes(0, proxy, "xrpl_proxy_session_queue_bytes")


async def test_one_message_may_be_larger_than_the_bound(house: House) -> None:
    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await session.answer(asked, {"big": "x" * 300_000})

    client = await house.client(await house.proxy(await house.node(answer), websocket={"queue_bytes": 1000}))
    for _ in range(3):
        assert len((await client.ask({"command": "fee"}))["result"]["big"]) == 300_000


async def test_a_node_that_reads_nothing(house: House) -> None:
    """Its connection is let go of with the session, whatever of it is unsent."""
    node = await house.node()
    gate = asyncio.Event()

    async def hang(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await gate.wait()

    node._answer = hang
    proxy = await house.proxy(node)
    await house.metric(proxy, CLOSED)
    files = open_files()
    client = await house.client(proxy)
    session = await node.session()
    assert session.transport is not None
    session.transport.pause_reading()
    await client.send(*({"command": "fee", "pad": "x" * 900_000} for _ in range(12)))
    await asyncio.sleep(0.3)  # for the buffers of the kernel to fill; they need not
    await client.socket.close()
    await house.metric_becomes(0, proxy, "xrpl_proxy_sessions")
    await files_become(files + 1)  # the node's own
    gate.set()
    session.transport.resume_reading()
    async with asyncio.timeout(3):
        await session.ended.wait()


@pytest.mark.parametrize("shorter", ["node_answer", "request"])
async def test_a_node_that_takes_no_questions(house: House, shorter: str) -> None:
    """Those that it has not taken end in the same time as those that it does not answer, and are bounded as these."""
    node = await house.node()
    proxy = await house.proxy(
        node,
        timeouts={"node_answer": 9, "request": 9, shorter: 0.5},
        websocket={"queue_bytes": 12_000_000},
    )
    client = await house.client(proxy)
    session = await node.session()
    assert session.transport is not None
    session.transport.pause_reading()
    # By another name an error would echo it.
    asked = [{"command": "fee", "id": number, "secret": "x" * 900_000} for number in range(30)]
    await client.send(*asked)
    answers = [await client.get() for _ in asked]
    assert {answer["id"] for answer in answers} == set(range(30))
    assert {answer["error"] for answer in answers} == {"tooBusy"}
    assert {answer["id"] for answer in answers if "12000000 bytes" in answer["error_message"]} == set(range(13, 30))
    # Those are answered, but for the most part still here.
    await client.send(*asked)
    again = [await client.get() for _ in asked]
    assert sum("12000000 bytes" in answer["error_message"] for answer in again) > 17
    session.transport.resume_reading()


async def test_a_node_that_pings_and_reads_nothing(house: House) -> None:
    """What it is owed for its pings is bounded, and its client is served on."""
    node = await house.node(accept)
    client = await house.client(await house.proxy(node))
    session = await node.session()
    assert session.transport is not None
    (connection,) = (each for each in gc.get_objects() if isinstance(each, NodeConnection) and each.close_code is None)
    session.transport.pause_reading()
    async with asyncio.timeout(20):
        for _ in range(200_000):  # 24 MB
            await session.socket.ping(b"p" * 120)
    assert 0 < connection.unsent < 70_000
    session.transport.resume_reading()
    assert (await client.ask({"command": "fee"}))["status"] == "success"


# The end


async def test_draining(house: House) -> None:
    """All are told 1001, after what is under way has been answered; nobody else is let in."""
    node = await house.node()
    proxy = await house.proxy(node, timeouts={"shutdown": 2.0})
    idle, busy = await house.client(proxy), await house.client(proxy)
    await busy.send({"command": "submit", "tx_blob": "00", "id": 1})
    session = await node.session(1)
    asked = await session.hears(1)
    with capture_logs() as logs:
        stopping = asyncio.create_task(proxy.stop())
        assert await idle.closing() == (1001, "the server is going down")
        await session.answer(asked[0], {"engine_result": "tesSUCCESS"})
        assert (await busy.get())["result"] == {"engine_result": "tesSUCCESS"}
        assert await busy.closing() == (1001, "the server is going down")
        await stopping
    closed = [entry for entry in logs if entry["event"] == "session_closed"]
    assert [entry["reason"] for entry in closed] == ["draining", "draining"]


async def test_draining_does_not_wait_for_ever(house: House) -> None:
    node = await house.node()
    proxy = await house.proxy(node, timeouts={"shutdown": 0.2})
    client = await house.client(proxy)
    await client.send({"command": "submit", "tx_blob": "00", "id": 1})
    await (await node.session()).hears(1)
    stopping = asyncio.create_task(proxy.stop())
    told = await client.get()
    assert (told["id"], told["error"]) == (1, "internal")
    assert (await client.closing())[0] == 1001
    async with asyncio.timeout(5):
        await stopping


async def test_log_lines(house: House) -> None:
    node = await house.node(accept)
    with capture_logs() as logs:
        proxy = await house.proxy(node)
        client = await house.client(proxy)
        await client.ask({"command": "subscribe", "streams": ["ledger"], "secret": "sEdHush"})
        await client.ask({"command": "fee"})
        await (await node.session()).say(b'{"type":"ledgerClosed","ledger_index":5}')
        await client.get()
        await client.socket.close()
        await house.metric_becomes(1, proxy, CLOSED, reason="client_closed")
    opened = next(entry for entry in logs if entry["event"] == "session_opened")
    closed = next(entry for entry in logs if entry["event"] == "session_closed")
    assert (opened["peer"], opened["node"]) == ("127.0.0.1", "node-1")
    counts = {name: closed[name] for name in ("requests", "messages", "pushed", "subscriptions", "reason", "peer")}
    assert counts == {
        "requests": 2,
        "messages": 3,
        "pushed": 1,
        "subscriptions": 1,
        "reason": "client_closed",
        "peer": "127.0.0.1",
    }
    assert 0 < closed["seconds"] < 5
    assert "Hush" not in repr(logs)


async def test_the_demo_node_is_lost(demo_node: StartNode, house: House) -> None:
    node = await demo_node(2)
    client = await house.client(await house.proxy(node))
    await client.ask({"command": "ping"})
    await node.stop()
    assert (await client.closing())[0] == 1012


# What is left


@pytest.mark.parametrize("how", ["closes", "goes", "is silent", "reads nothing", "loses its node"])
async def test_nothing_of_a_session_waits_for_the_garbage_collector(house: House, how: str) -> None:
    """Python looks for cycles so seldom in the proxy that thousands of sessions would be there meanwhile."""

    async def all_but_fee(session: ScriptedSession, asked: dict[str, Any]) -> None:
        if asked["command"] != "fee":
            await accept(session, asked)

    node = await house.node(all_but_fee)
    proxy = await house.proxy(node, websocket={**BRISK, "queue_bytes": 1000})
    gc.collect()
    gc.disable()
    try:
        client = await house.client(proxy, autoping=how != "is silent")
        await client.ask({"command": "subscribe", "streams": ["ledger"]})
        await client.send({"command": "fee"})
        await (await node.session()).hears(2)
        ours = (Session, PendingRequests, SendQueue, NodeSession, NodeChannel, NodeConnection)
        assert sum(isinstance(each, ours) for each in gc.get_objects()) >= len(ours)
        if how == "closes":
            await client.socket.close()
        elif how == "goes":
            client.socket._writer.transport.abort()
        elif how == "reads nothing":
            with suppress(ConnectionError):  # once it is given up
                for _ in range(20):
                    await (await node.session()).say(b'{"type":"ledgerClosed","pad":"' + b"x" * 1_000_000 + b'"}')
        elif how == "loses its node":
            transport = (await node.session()).transport
            assert transport is not None
            transport.abort()
        await house.metric_becomes(0, proxy, "xrpl_proxy_sessions")
        async with asyncio.timeout(5):
            while any(isinstance(each, ours) for each in gc.get_objects()):  # noqa: ASYNC110 - of that nothing tells
                await asyncio.sleep(0.05)
    finally:
        gc.enable()
