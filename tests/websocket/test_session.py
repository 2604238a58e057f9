"""The long life of a session: silent peers, lost nodes, slow clients, and its end."""

import asyncio
import gc
from contextlib import suppress
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
from tests.support.client import until
from tests.support.garbage import no_garbage_collector
from tests.support.harness import Harness
from tests.support.scripted_node import SECONDS, ScriptedSession
from tests.support.sessions import (
    BRISK,
    CLOSED,
    GAPS,
    RECONNECT,
    connect_without_reading,
    count_open_files,
    drop_connection,
    respond_to_all,
    wait_open_files,
)
from tests.support.start import StartNode

# Pings


async def test_a_clients_ping_is_answered(harness: Harness) -> None:
    client = await harness.client(await harness.proxy(await harness.node(respond_to_all)), autoping=False)
    await client.socket.ping(b"x")
    message = await client.socket.receive(2)
    assert (message.type, message.data) == (WSMsgType.PONG, b"x")


async def test_peers_are_pinged_and_stay_while_they_answer(harness: Harness) -> None:
    """A session goes on in silence as long as both peers are there."""
    client = await harness.client(
        await harness.proxy(await harness.node(respond_to_all), websocket=BRISK), autoping=False
    )
    for _ in range(4):
        message = await client.socket.receive(2)
        assert message.type is WSMsgType.PING
        await client.socket.pong(message.data)
    assert (await client.request({"command": "fee"}))["status"] == "success"


async def test_a_silent_client_is_given_up(harness: Harness) -> None:
    node = await harness.node(respond_to_all)
    proxy = await harness.proxy(node, websocket=BRISK)
    await harness.client(proxy, autoping=False)
    await harness.wait_metric(1, proxy, CLOSED, reason="client_silent")
    await harness.wait_metric(0, proxy, "xrpl_proxy_sessions_open")
    async with asyncio.timeout(2):
        await (await node.session()).ended.wait()


async def test_a_silent_node_is_given_up(harness: Harness) -> None:
    node = await harness.node(respond_to_all, autoping=False)
    proxy = await harness.proxy(node, websocket=BRISK)
    client = await harness.client(proxy)
    assert await client.wait_closed() == (1012, "the connection to the node was lost")
    await harness.wait_metric(1, proxy, CLOSED, reason="node_silent")


@pytest.mark.parametrize("close", [True, False])
async def test_a_client_that_disconnects(harness: Harness, close: bool) -> None:
    node = await harness.node(respond_to_all)
    proxy = await harness.proxy(node)
    client = await harness.client(proxy)
    await client.send({"command": "fee"})
    if close:
        await client.socket.close()
    else:
        client.socket._writer.transport.abort()
    await harness.wait_metric(1, proxy, CLOSED, reason="client_closed" if close else "client_gone")
    async with asyncio.timeout(2):
        await (await node.session()).ended.wait()


async def test_a_client_that_pings_and_disconnects(harness: Harness) -> None:
    """A pong that cannot be sent any more is no fault of the proxy's."""
    proxy = await harness.proxy(await harness.node(respond_to_all))
    with capture_logs() as logs:
        for _ in range(20):
            client = await harness.client(proxy)
            for _ in range(20):
                await client.socket.ping(b"x" * 100)
            client.socket._writer.transport.abort()
        await harness.wait_metric(0, proxy, "xrpl_proxy_sessions_open")
    assert not [entry for entry in logs if entry["log_level"] == "error"]


# The rate of an address


REFUSED_MESSAGES: dict[str, tuple[dict[str, Any] | bytes, str, str]] = {
    "fee": ({"command": "fee"}, "success", "slowDown"),
    "not JSON": (b"{", "jsonInvalid", "jsonInvalid"),
    "no command": ({}, "missingCommand", "missingCommand"),
    "an unknown version": ({"command": "fee", "api_version": 99}, "invalid_API_version", "invalid_API_version"),
    "stop": ({"command": "stop"}, "forbidden", "slowDown"),
    "credentials": ({"command": "fee", "admin_user": "x"}, "forbidden", "slowDown"),
    "a batch": ({"command": "batch"}, "unknownCmd", "slowDown"),
    "subscribe with a URL": ({"command": "subscribe", "url": "http://x"}, "noPermission", "slowDown"),
}


@pytest.mark.parametrize(("message", "error", "last"), REFUSED_MESSAGES.values(), ids=REFUSED_MESSAGES)
async def test_every_message_counts_towards_the_rate_also_a_refused_one(
    harness: Harness, message: dict[str, Any] | bytes, error: str, last: str
) -> None:
    """A session of an address over its rate is closed as rippled closes it; one line of log for each response."""
    limits = {"requests_per_second": 5, "burst_seconds": 1, "exempt": []}
    proxy = await harness.proxy(await harness.node(respond_to_all), limits=limits)
    client = await harness.client(proxy)  # the handshake is the first request
    with capture_logs() as logs:
        await client.send(*([message] * 2000))
        errors = []
        while (received := await client.socket.receive(SECONDS)).type is WSMsgType.TEXT:
            errors.append(orjson.loads(received.data).get("error", "success"))
        assert (client.socket.close_code, received.extra) == (1008, "threshold exceeded")
        await harness.wait_metric(1, proxy, CLOSED, reason="rate")
    assert len(errors) < 10
    assert {*errors[:4]} <= {error, "internal"}  # whose node had not answered when the session was closed
    assert errors[-1] == last
    assert len(logs) < 20


# The node is lost


@pytest.mark.parametrize("close", [1000, 1001, 1013, None])
async def test_a_lost_node_is_reported(harness: Harness, close: int | None) -> None:
    """Requests in flight fail first, then the close frame names a code that client libraries reconnect on."""
    node = await harness.node()
    proxy = await harness.proxy(node)
    client = await harness.client(proxy)
    await client.send({"command": "submit", "tx_blob": "00", "id": 1}, {"command": "fee", "id": 2, "api_version": 2})
    session = await node.session()
    await session.wait_requests(2)
    if close is None:
        session.abort()
    else:
        await session.socket.close(code=close)
    first, second = await client.receive(), await client.receive()
    assert (first["id"], first["error"]) == (1, "internal")
    assert "not known whether the node acted" in first["error_message"]
    assert (second["id"], second["error"]) == (2, "internal")
    assert "not known" not in second["error_message"]
    assert await client.wait_closed() == (1012, "the connection to the node was lost")
    await harness.wait_metric(1, proxy, CLOSED, reason="node_lost")
    assert len(session.requests) == 2


async def test_a_node_that_throws_the_client_out(harness: Harness) -> None:
    """A node's own verdict on a client (1008) is given on, and not evaded by going to another node."""
    node = await harness.node()
    proxy = await harness.proxy(node, **RECONNECT)
    client = await harness.client(proxy)
    await (await node.session()).socket.close(code=1008, message=b"threshold exceeded")
    assert await client.wait_closed() == (1008, "threshold exceeded")
    await harness.wait_metric(1, proxy, CLOSED, reason="node_refuses")
    assert len(node.sessions) == 1


async def test_both_sides_close_concurrently(harness: Harness) -> None:
    node = await harness.node()
    proxy = await harness.proxy(node)
    clients = [await harness.client(proxy) for _ in range(10)]
    with capture_logs() as logs:
        sessions = [await node.session(number) for number in range(10)]
        await asyncio.gather(*(c.socket.close() for c in clients), *(s.socket.close() for s in sessions))
        await harness.wait_metric(0, proxy, "xrpl_proxy_sessions_open")
    assert await harness.metric(proxy, CLOSED) == 10
    assert not [entry for entry in logs if entry["log_level"] == "error"]


# Going on at another node


async def test_reconnecting(harness: Harness) -> None:
    """The session goes on, subscribed to the same, and a gap is counted and logged."""
    book: dict[str, Any] = {"taker_gets": {"currency": "XRP"}, "taker_pays": {"currency": "USD", "issuer": "r3"}}

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        ledger_index = 100 if session is node.sessions[0] else 104
        await session.respond(asked, {"ledger_index": ledger_index} if "ledger" in asked.get("streams", ()) else {})

    node = await harness.node(answer)
    proxy = await harness.proxy(node, **RECONNECT)
    client = await harness.client(proxy)
    await client.request({"command": "subscribe", "streams": ["ledger", "transactions"], "api_version": 2})
    await client.request({"command": "subscribe", "accounts": ["r1", "r2"], "books": [{**book, "snapshot": True}]})
    await client.request({"command": "unsubscribe", "accounts": ["r2"]})
    first = await node.session()
    await first.send(b'{"type":"ledgerClosed","ledger_index":101}')
    await client.receive()
    with capture_logs() as logs:
        await drop_connection(first)
        second = await node.session(1)
        heard = await second.wait_requests(3)
        await second.send(b'{"type":"ledgerClosed","ledger_index":105}')
        assert (await client.receive())["ledger_index"] == 105
    asked = {name: request[name] for request in heard for name in ("streams", "accounts", "books") if name in request}
    assert asked == {"streams": ["ledger", "transactions"], "accounts": ["r1"], "books": [book]}
    assert await harness.metric(proxy, GAPS) == 3
    gap = next(entry for entry in logs if entry["event"] == "stream_gap")
    assert (gap["missed"], gap["ledger_index"], gap["peer"]) == (3, 104, "127.0.0.1")
    assert (await client.request({"command": "fee"}))["status"] == "success"
    assert await harness.metric(proxy, "xrpl_proxy_subscriptions") == 4


async def test_no_gap_is_reported_where_there_is_none(harness: Harness) -> None:
    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await session.respond(asked, {"ledger_index": 100})

    node = await harness.node(answer)
    proxy = await harness.proxy(node, **RECONNECT)
    client = await harness.client(proxy)
    await client.request({"command": "subscribe", "streams": ["ledger"], "accounts": ["r1"]})
    await drop_connection(await node.session())
    await (await node.session(1)).wait_requests(2)
    await (await node.session(1)).send(b'{"type":"ledgerClosed","ledger_index":101}')
    await client.receive()
    assert await harness.metric(proxy, GAPS) == 0


async def test_a_gap_without_a_ledger_subscription(harness: Harness) -> None:
    """The newest validated ledger of the nodes before and after tells how many may have been missed."""

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await session.respond(asked, {"ledger_index": 107} if asked["command"] == "ledger" else {})

    node = await harness.node(answer)
    proxy = await harness.proxy(node, **RECONNECT)
    client = await harness.client(proxy)
    await client.request({"command": "subscribe", "accounts": ["r1"]})
    await drop_connection(await node.session())
    await (await node.session(1)).wait_requests(2)
    await harness.wait_metric(7, proxy, GAPS)


async def test_requests_while_reconnecting(harness: Harness) -> None:
    """Requests in flight fail and are never repeated; those that arrive meanwhile are sent once, afterwards."""
    gate = asyncio.Event()

    async def hold() -> web.Response | None:
        await gate.wait()
        return None

    node = await harness.node()
    proxy = await harness.proxy(node, **RECONNECT)
    client = await harness.client(proxy)
    await client.send({"command": "submit", "tx_blob": "01", "id": 1})
    first = await node.session()
    await first.wait_requests(1)
    node.before_handshake = hold
    await drop_connection(first)
    assert (await client.receive())["error"] == "internal"
    await client.send({"command": "submit", "tx_blob": "02", "id": 2}, {"command": "fee", "id": 3})
    gate.set()
    second = await node.session(1)
    heard = await second.wait_requests(2)
    assert [request.get("tx_blob") for request in heard] == ["02", None]
    for request in heard:
        await second.respond(request)
    assert [(await client.receive())["id"] for _ in range(2)] == [2, 3]
    assert [request["tx_blob"] for s in node.sessions for request in s.requests if "tx_blob" in request] == ["01", "02"]


async def test_requests_that_wait_for_a_node_in_vain(harness: Harness) -> None:
    """They are answered before the session is closed."""
    node = await harness.node()
    proxy = await harness.proxy(
        node, websocket={"reconnect": True}, timeouts={"reconnect": 0.4, "health_interval": 0.05}
    )
    client = await harness.client(proxy)
    first = await node.session()

    noticed = asyncio.Event()

    async def refuse() -> web.Response:
        noticed.set()
        return web.Response(status=503)

    node.before_handshake = refuse
    await drop_connection(first)
    await noticed.wait()
    await client.send({"command": "submit", "tx_blob": "01", "id": 1}, {"command": "fee", "id": 2, "api_version": 2})
    response = [await client.receive() for _ in range(2)]
    assert [(answer["id"], answer["error"]) for answer in response] == [(1, "noNetwork"), (2, "notSynced")]
    assert (await client.wait_closed())[0] == 1012


async def test_another_node_of_another_version(harness: Harness) -> None:
    """The session is spoken to in the new node's version, and the client notices nothing."""

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        data: dict[str, Any] = {"Account": "r1", "Flags": 0}
        lists = ["list"]
        result: dict[str, Any] = {"account_data": {**data, "signer_lists": lists}} if asked["api_version"] == 1 else {}
        await session.respond(asked, result or {"account_data": data, "signer_lists": lists})

    newer, older = await harness.node(answer, 2), await harness.node(answer, 1)
    proxy = await harness.proxy(newer, older, **RECONNECT)
    client = await harness.client(proxy)  # a client of version 1, so that the node of version 1 is chosen
    request = {"command": "account_info", "account": "r1", "signer_lists": True}
    await client.request({"command": "subscribe", "streams": ["transactions"]})
    before = await client.request(request)
    await older.stop()
    session = await newer.session()
    await session.wait_requests(1)
    tx = {"TransactionType": "AccountSet"}
    await session.send({"type": "transaction", "tx_json": tx, "hash": "A", "validated": True})
    pushed = await client.receive()
    assert pushed == {"type": "transaction", "transaction": {**tx, "hash": "A"}, "validated": True}
    assert await client.request(request) == before
    assert session.requests[-1]["api_version"] == 2


@pytest.mark.parametrize(
    "request_",
    [
        {"command": "path_find", "subcommand": "create"},
        {"command": "subscribe", "account_history_tx_stream": {"account": "r1"}},
        {"command": "subscribe", "streams": ["ledger", "nonsense"], "fails": True},
    ],
    ids=["path_find", "history", "half refused"],
)
async def test_what_cannot_go_on_is_closed(harness: Harness, request_: dict[str, Any]) -> None:
    """Histories and paths begin anew, and of a subscribe refused half way nobody knows what has taken effect."""

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await session.respond(asked, {"error": "malformedStream"} if "fails" in asked else {})

    node = await harness.node(answer)
    client = await harness.client(await harness.proxy(node, **RECONNECT))
    await client.request(request_)
    await drop_connection(await node.session())
    assert (await client.wait_closed())[0] == 1012
    assert len(node.sessions) == 1


async def test_path_find_ended(harness: Harness) -> None:
    """`status` does not end it, `close` does, and then the session can go on elsewhere."""
    node = await harness.node(respond_to_all)
    client = await harness.client(await harness.proxy(node, **RECONNECT))
    for subcommand in ("create", "status", "close"):
        await client.request({"command": "path_find", "subcommand": subcommand})
    await drop_connection(await node.session())
    await node.session(1)
    assert (await client.request({"command": "fee"}))["status"] == "success"
    await client.request({"command": "path_find", "subcommand": "create"})
    await client.request({"command": "path_find", "subcommand": "status"})
    await drop_connection(await node.session(1))
    assert (await client.wait_closed())[0] == 1012


async def test_a_node_that_refuses_the_subscriptions(harness: Harness) -> None:
    """It is tried again, and no connection to it is left open."""

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        refused = 0 < node.sessions.index(session) < 3
        await session.respond(asked, {"error": "noNetwork"} if refused else {})

    node = await harness.node(answer)
    client = await harness.client(await harness.proxy(node, **RECONNECT))
    await client.request({"command": "subscribe", "accounts": ["r1"]})
    await drop_connection(await node.session())
    await (await node.session(3)).wait_requests(1)
    for number in (1, 2):
        async with asyncio.timeout(2):
            await node.sessions[number].ended.wait()
    assert (await client.request({"command": "fee"}))["status"] == "success"


# Slow clients


async def test_a_slow_client(harness: Harness) -> None:
    """It is closed when its bound is reached, its connection with it; no other client notices."""
    node = await harness.node(respond_to_all)
    proxy = await harness.proxy(node, websocket={"queue_bytes": 100_000})
    other = await harness.client(proxy)
    await other.request({"command": "fee"})
    await harness.metric(proxy, CLOSED)
    files = count_open_files()
    slow = await connect_without_reading(proxy.http_url)
    session = await node.session(1)
    await session.wait_requests(1)
    message = orjson.dumps({"type": "bookChanges", "changes": "x" * 20_000})
    try:
        for _ in range(1000):
            await session.send(message)
            await asyncio.sleep(0)
    except ConnectionError:
        pass  # it is closed by now
    await harness.wait_metric(1, proxy, CLOSED, reason="client_too_slow")
    await harness.wait_metric(0, proxy, "xrpl_proxy_session_queue_bytes")
    await harness.wait_metric(1, proxy, "xrpl_proxy_sessions_open")
    assert (await other.request({"command": "fee"}))["status"] == "success"
    await wait_open_files(files + 1)  # the slow client's own
    slow.close()


async def test_a_slow_client_that_reads_in_the_end_gets_the_reason(harness: Harness) -> None:
    node = await harness.node(respond_to_all)
    proxy = await harness.proxy(node, websocket={"queue_bytes": 10_000})
    client = await harness.client(proxy)
    await client.request({"command": "fee"})
    session = await node.session()
    with suppress(ConnectionError):  # it is closed by then
        for _ in range(50):  # more than may wait, here and in all that is between
            await session.send(orjson.dumps({"type": "bookChanges", "changes": "x" * 500_000}))
    code, reason = await client.wait_closed()
    assert (code, reason) == (1008, "client is too slow")


async def test_what_waits_for_an_answer_is_bounded(harness: Harness) -> None:
    """Pushed messages held back by a subscribe that waits for an earlier answer count as well."""
    node = await harness.node()
    proxy = await harness.proxy(node, websocket={"queue_bytes": 10_000, "share_subscriptions": False})
    client = await harness.client(proxy)
    await client.send({"command": "tx_history", "start": 0}, {"command": "subscribe", "streams": ["ledger"]})
    session = await node.session()
    first, second = await session.wait_requests(2)
    await session.respond(first, {"ledger_index": 1, "ledger": {}})
    await session.respond(second)
    for _ in range(20):
        await session.send(orjson.dumps({"type": "bookChanges", "changes": "x" * 1_000}))
    assert (await client.wait_closed())[0] == 1008
    await harness.wait_metric(1, proxy, CLOSED, reason="client_too_slow")
    await harness.wait_metric(0, proxy, "xrpl_proxy_session_queue_bytes")


async def test_one_message_may_be_larger_than_the_bound(harness: Harness) -> None:
    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await session.respond(asked, {"big": "x" * 300_000})

    client = await harness.client(await harness.proxy(await harness.node(answer), websocket={"queue_bytes": 1000}))
    for _ in range(3):
        assert len((await client.request({"command": "fee"}))["result"]["big"]) == 300_000


async def test_a_node_that_reads_nothing(harness: Harness) -> None:
    """Its connection is let go of with the session, whatever of it is unsent."""
    node = await harness.node()
    gate = asyncio.Event()

    async def hang(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await gate.wait()

    node.respond = hang
    proxy = await harness.proxy(node)
    await harness.metric(proxy, CLOSED)
    files = count_open_files()
    client = await harness.client(proxy)
    session = await node.session()
    connection = only_node_connection()
    session.transport.pause_reading()
    await client.send(*({"command": "fee", "pad": "x" * 900_000} for _ in range(12)))
    await until(lambda: connection.unsent() > 1_000_000)
    await client.socket.close()
    await harness.wait_metric(0, proxy, "xrpl_proxy_sessions_open")
    await wait_open_files(files + 1)  # the node's own
    gate.set()
    session.transport.resume_reading()
    async with asyncio.timeout(3):
        await session.ended.wait()


@pytest.mark.parametrize("shorter", ["node_answer", "request"])
async def test_a_node_that_takes_no_requests(harness: Harness, shorter: str) -> None:
    """Those that it has not taken end in the same time as those that it does not answer, and are bounded as these."""
    node = await harness.node()
    proxy = await harness.proxy(
        node,
        timeouts={"node_answer": 9, "request": 9, shorter: 2},
        websocket={"queue_bytes": 6_000_000},
    )
    client = await harness.client(proxy)
    (await node.session()).transport.pause_reading()
    # By another name an error would echo it.
    asked = [{"command": "fee", "id": number, "secret": "x" * 450_000} for number in range(30)]
    await client.send(*asked)
    answers = [await client.receive() for _ in asked]
    assert {answer["id"] for answer in answers} == set(range(30))
    assert {answer["error"] for answer in answers} == {"tooBusy"}
    assert {answer["id"] for answer in answers if "6000000 bytes" in answer["error_message"]} == set(range(13, 30))
    # Those are answered, but for the most part still here.
    await client.send(*asked)
    again = [await client.receive() for _ in asked]
    assert sum("6000000 bytes" in answer["error_message"] for answer in again) > 17


async def test_a_node_that_pings_and_reads_nothing(harness: Harness) -> None:
    """What it is owed for its pings is bounded, and its client is served on."""
    node = await harness.node(respond_to_all)
    client = await harness.client(await harness.proxy(node))
    session = await node.session()
    connection = only_node_connection()
    session.transport.pause_reading()
    async with asyncio.timeout(SECONDS):
        while connection.unsent() < 65_536:
            await ping_often(session, 100)
    await ping_often(session, 1_000)
    assert connection.unsent() < 70_000
    session.transport.resume_reading()
    assert (await client.request({"command": "fee"}))["status"] == "success"


async def ping_often(session: ScriptedSession, times: int) -> None:
    for _ in range(times):
        await session.socket.ping(b"p" * 120)
    await asyncio.sleep(0)


def only_node_connection() -> NodeConnection:
    """The proxy's connection to the node, of its only session."""
    connections = [each for each in gc.get_objects() if isinstance(each, NodeConnection) and each.close_code is None]
    (connection,) = connections
    return connection


# The end


async def test_draining(harness: Harness) -> None:
    """All sessions are closed with 1001 after requests in flight have responses; no new session is accepted."""
    node = await harness.node()
    proxy = await harness.proxy(node, timeouts={"shutdown": 2.0})
    idle, busy = await harness.client(proxy), await harness.client(proxy)
    await busy.send({"command": "submit", "tx_blob": "00", "id": 1})
    session = await node.session(1)
    asked = await session.wait_requests(1)
    with capture_logs() as logs:
        stopping = asyncio.create_task(proxy.stop())
        assert await idle.wait_closed() == (1001, "the server is going down")
        await session.respond(asked[0], {"engine_result": "tesSUCCESS"})
        assert (await busy.receive())["result"] == {"engine_result": "tesSUCCESS"}
        assert await busy.wait_closed() == (1001, "the server is going down")
        await stopping
    closed = [entry for entry in logs if entry["event"] == "session_closed"]
    assert [entry["reason"] for entry in closed] == ["draining", "draining"]


async def test_draining_does_not_wait_for_ever(harness: Harness) -> None:
    node = await harness.node()
    proxy = await harness.proxy(node, timeouts={"shutdown": 0.2})
    client = await harness.client(proxy)
    await client.send({"command": "submit", "tx_blob": "00", "id": 1})
    await (await node.session()).wait_requests(1)
    stopping = asyncio.create_task(proxy.stop())
    response = await client.receive()
    assert (response["id"], response["error"]) == (1, "internal")
    assert (await client.wait_closed())[0] == 1001
    async with asyncio.timeout(5):
        await stopping


async def test_log_lines(harness: Harness) -> None:
    node = await harness.node(respond_to_all)
    with capture_logs() as logs:
        proxy = await harness.proxy(node)
        client = await harness.client(proxy)
        await client.request({"command": "subscribe", "streams": ["ledger"], "secret": "sEdHush"})
        await client.request({"command": "fee"})
        await (await node.session()).send(b'{"type":"ledgerClosed","ledger_index":5}')
        await client.receive()
        await client.socket.close()
        await harness.wait_metric(1, proxy, CLOSED, reason="client_closed")
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


async def test_the_demo_node_is_lost(demo_node: StartNode, harness: Harness) -> None:
    node = await demo_node(2)
    client = await harness.client(await harness.proxy(node))
    await client.request({"command": "ping"})
    await node.stop()
    assert (await client.wait_closed())[0] == 1012


# What is left


@pytest.mark.parametrize("how", ["closes", "goes", "is silent", "reads nothing", "loses its node"])
async def test_nothing_of_a_session_waits_for_the_garbage_collector(harness: Harness, how: str) -> None:
    """Python looks for cycles so seldom in the proxy that thousands of sessions would be there meanwhile."""

    async def all_but_fee(session: ScriptedSession, asked: dict[str, Any]) -> None:
        if asked["command"] != "fee":
            await respond_to_all(session, asked)

    node = await harness.node(all_but_fee)
    proxy = await harness.proxy(node, websocket={**BRISK, "queue_bytes": 1000})
    ours = (Session, PendingRequests, SendQueue, NodeSession, NodeChannel, NodeConnection)
    with no_garbage_collector(*ours) as left:
        client = await harness.client(proxy, autoping=how != "is silent")
        await client.request({"command": "subscribe", "streams": ["ledger"]})
        await client.send({"command": "fee"})
        await (await node.session()).wait_requests(2)
        assert left() >= len(ours)
        if how == "closes":
            await client.socket.close()
        elif how == "goes":
            client.socket._writer.transport.abort()
        elif how == "reads nothing":
            with suppress(ConnectionError):  # once it is given up
                for _ in range(20):
                    await (await node.session()).send(b'{"type":"ledgerClosed","pad":"' + b"x" * 1_000_000 + b'"}')
        elif how == "loses its node":
            (await node.session()).abort()
        await harness.wait_metric(0, proxy, "xrpl_proxy_sessions_open")
        async with asyncio.timeout(5):
            while left():  # noqa: ASYNC110 - of that nothing tells
                await asyncio.sleep(0.05)


async def test_a_session_is_not_sent_back_behind_the_ledgers_it_has_seen(harness: Harness) -> None:
    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await session.respond(asked)

    nodes = [await harness.node(answer) for _ in range(3)]
    behind, *others = nodes
    behind.ledger_index, others[0].ledger_index, others[1].ledger_index = 195, 200, 200
    proxy = await harness.proxy(*nodes, **RECONNECT)
    clients = [await harness.client(proxy) for _ in range(9)]
    for client in clients:
        await client.request({"command": "fee"})
    before = len(behind.sessions)
    dropped = [session for node in others for session in node.sessions]
    assert dropped
    for session in dropped:
        await drop_connection(session)
    # A request that the proxy sends before it knows of the loss fails with it.
    await until(lambda: sum(len(node.sessions) for node in nodes) == before + 2 * len(dropped))
    for client in clients:
        assert (await client.request({"command": "fee"}))["status"] == "success"
    assert len(behind.sessions) == before
    assert sum(len(node.sessions) for node in others) == 2 * len(dropped)
