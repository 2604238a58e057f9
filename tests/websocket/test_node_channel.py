"""Responses of a node that do not say which request they are for, and responses that are invalid."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.harness import Client, Harness
from tests.support.scripted_node import SECONDS, ScriptedNode, ScriptedSession
from tests.support.sessions import respond_to_all

TOO_BUSY = {"error": "tooBusy", "error_code": 9, "error_message": "The server is too busy to help you now."}
WITHOUT_ID: dict[str, dict[str, Any] | bytes] = {
    "Clio's tooBusy": {**TOO_BUSY, "status": "error", "type": "response"},
    "Clio's tooBusy with the request": {**TOO_BUSY, "request": {"command": "fee"}, "status": "error"},
    "an error whose id is null": {**TOO_BUSY, "id": None, "status": "error", "type": "response"},
    "an error with an id of another type": {**TOO_BUSY, "id": "1", "status": "error", "type": "response"},
    "Clio's line of text": b"Too many requests for one connection",
    "Clio's notice at shutdown": b"Server is shutting down\n",
}


class Overloaded:
    """A node that rejects some requests without saying which."""

    def __init__(self, rejection: dict[str, Any] | bytes, *, after: int) -> None:
        self._rejection = rejection
        self._after = after
        self.asked: list[str] = []

    async def respond(self, session: ScriptedSession, asked: dict[str, Any]) -> None:
        """Rejects one request as soon as `after` have come, and responds to those that come later."""
        self.asked.append(asked["command"])
        if len(self.asked) == self._after:
            await session.send(self._rejection)
        elif len(self.asked) > self._after:
            await session.respond(asked, {"number": len(self.asked)})


@pytest.mark.parametrize("rejection", WITHOUT_ID.values(), ids=WITHOUT_ID)
@pytest.mark.parametrize("command", ["fee", "submit", "subscribe"])
async def test_a_response_without_an_id_is_for_the_only_request(
    harness: Harness, rejection: dict[str, Any] | bytes, command: str
) -> None:
    client = await harness.client(await harness.proxy(await harness.node(Overloaded(rejection, after=1).respond)))
    response = await client.request({"command": command, "id": "mine", "accounts": ["r1"]})
    assert (response["id"], response["error"], response["status"]) == ("mine", "tooBusy", "error")
    assert response["request"]["id"] == "mine"
    assert (await client.request({"command": "fee", "id": 2}))["status"] == "success"


async def test_a_result_without_an_id_is_for_the_only_request(harness: Harness) -> None:
    node = await harness.node(Overloaded({"result": {"x": 1}, "status": "success"}, after=1).respond)
    client = await harness.client(await harness.proxy(node))
    assert (await client.request({"command": "fee", "id": 1}))["result"] == {"x": 1}


@pytest.mark.parametrize("number", ["1", 1.0, [1], True, 1e30])
async def test_a_result_with_an_id_that_no_request_has_is_no_ones(harness: Harness, number: Any) -> None:
    """Its request fails immediately, rather than after `timeouts.node_answer`, and no other gets the result."""
    node = await harness.node(Overloaded({"id": number, "result": {"x": 1}, "status": "success"}, after=1).respond)
    client = await harness.client(await harness.proxy(node))
    response = await client.request({"command": "submit", "id": 1})
    assert (response["error"], "not known whether the node acted" in response["error_message"]) == ("internal", True)
    assert (await client.request({"command": "fee", "id": 2}))["status"] == "success"


@pytest.mark.parametrize("rejection", WITHOUT_ID.values(), ids=WITHOUT_ID)
async def test_of_several_requests_those_that_only_read_are_repeated(
    harness: Harness, rejection: dict[str, Any] | bytes
) -> None:
    """One at a time; whatever else is in flight may have been acted on, and fails."""
    overloaded = Overloaded(rejection, after=4)
    client = await harness.client(await harness.proxy(await harness.node(overloaded.respond)))
    commands = ["fee", "submit", "account_info", "ledger_current"]
    await client.send(*({"command": command, "id": command} for command in commands))
    responses = {response["id"]: response for response in [await client.receive() for _ in commands]}
    assert responses["submit"]["error"] == "tooBusy"
    assert "not known whether the node acted" in responses["submit"]["error_message"]
    assert {responses[command]["status"] for command in commands if command != "submit"} == {"success"}
    assert overloaded.asked == [*commands, "fee", "account_info", "ledger_current"]


async def test_a_request_that_is_repeated_and_rejected_again_fails(harness: Harness) -> None:
    async def reject(session: ScriptedSession, asked: dict[str, Any]) -> None:
        asked_before.append(asked)
        if len(asked_before) >= 2:
            await session.send(b"Too many requests for one connection")

    asked_before: list[dict[str, Any]] = []
    client = await harness.client(await harness.proxy(await harness.node(reject)))
    await client.send({"command": "fee", "id": 1}, {"command": "fee", "id": 2})
    responses = [await client.receive() for _ in range(2)]
    assert [response["error"] for response in responses] == ["tooBusy", "tooBusy"]
    assert len(asked_before) == 4


async def test_a_response_that_comes_after_all_serves_its_request_once(harness: Harness) -> None:
    """Of a repeated request the first response counts, also the one to the request as it was sent first."""
    first: list[dict[str, Any]] = []

    async def respond(session: ScriptedSession, asked: dict[str, Any]) -> None:
        first.append(asked)
        if len(first) == 2:
            await session.send(b"Too many requests for one connection")
        elif len(first) == 3:
            for request in first:
                await session.respond(request, {"of": request["command"]})

    client = await harness.client(await harness.proxy(await harness.node(respond)))
    await client.send({"command": "fee", "id": 1}, {"command": "ledger_current", "id": 2})
    assert [(await client.receive())["result"] for _ in range(2)] == [{"of": "fee"}, {"of": "ledger_current"}]
    assert (await client.request({"command": "version", "id": 3}))["id"] == 3


async def test_a_node_that_is_lost_while_requests_are_repeated(harness: Harness) -> None:
    repeated = asyncio.Event()

    async def respond(session: ScriptedSession, asked: dict[str, Any]) -> None:
        if len(session.requests) == 2:
            await session.send(b"Too many requests for one connection")
        elif len(session.requests) > 2:
            repeated.set()

    node = await harness.node(respond)
    client = await harness.client(await harness.proxy(node))
    await client.send({"command": "fee", "id": 1}, {"command": "fee", "id": 2})
    await repeated.wait()
    (await node.session()).abort()
    assert [(await client.receive())["error"] for _ in range(2)] == ["internal", "internal"]
    assert (await client.wait_closed())[0] == 1012


async def test_a_node_that_is_lost_while_look_ups_are_repeated(harness: Harness) -> None:
    """Those of two requests that are each served by a task."""
    repeated = asyncio.Event()
    transaction = {"hash": "AB" * 32, "ledger_index": 130, "inLedger": 130, "date": 1, "TransactionType": "Payment"}
    looked_up: list[dict[str, Any]] = []

    async def respond(session: ScriptedSession, asked: dict[str, Any]) -> None:
        if asked["command"] == "account_tx":
            entry = {"tx": {**transaction, "ledger_index": 100 + asked["id"]}, "meta": {}, "validated": True}
            await session.respond(asked, {"transactions": [entry], "validated": True})
            return
        looked_up.append(asked)
        if len(looked_up) == 2:
            await session.send(b"Too many requests for one connection")
        elif len(looked_up) > 2:
            repeated.set()

    node = await harness.node(respond, 1)
    client = await harness.client(await harness.proxy(node))
    with capture_logs() as logs:
        await client.send(*({"command": "account_tx", "id": number, "api_version": 2} for number in (1, 2)))
        await repeated.wait()
        (await node.session()).abort()
        for _ in range(2):
            assert "connection to the node was lost" in (await client.receive())["error_message"]
        assert (await client.wait_closed())[0] == 1012
    assert not [entry for entry in logs if entry["log_level"] == "error"]


# Invalid messages

DIGITS = b"9" * 5000
INVALID_RESPONSES = {
    "an error that is an object": b'{"id":%d,"error":{"code":1},"status":"error","type":"response"}',
    "an error that is a list": b'{"id":%d,"error":["tooBusy"],"status":"error","type":"response"}',
    "an error that is a number": b'{"id":%d,"error":5,"status":"error","type":"response"}',
    "a result that is a list": b'{"id":%d,"result":[1],"type":"response"}',
    "a result that is a number": b'{"id":%d,"result":5,"type":"response"}',
    "no result": b'{"id":%d,"type":"response"}',
    "an unknown type": b'{"id":%d,"type":5}',
    "invalid UTF-8": b'{"id":%d,"result":{"x":"\xff"},"status":"success","type":"response"}',
}
USELESS = {
    "an id of 5,000 digits": b'{"id":' + DIGITS + b',"result":{}}',
    "an id that is true": b'{"id":true,"result":{"z":1}}',
    "no JSON": b"xx",
    "a list": b"[1]",
    "invalid UTF-8": b'{"type":"ledgerClosed","x":"\xff"}',
    "nested 100,000 deep": b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}
PUSHED = {
    "a ledger_index of 5,000 digits": b'{"type":"ledgerClosed","ledger_index":' + DIGITS + b"}",
    "a transaction nested 100,000 deep": b'{"type":"transaction","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a transaction that is a number": b'{"type":"transaction","transaction":5,"meta":[],"validated":true}',
    "an unknown type": b'{"type":"surprise","x":1}',
    "10 MB": b'{"type":"ledgerClosed","x":"' + b"y" * 10_000_000 + b'"}',
}


async def sessions(harness: Harness, node: ScriptedNode) -> tuple[Client, Client]:
    """A client with a shared stream and one with subscriptions of its own."""
    proxy = await harness.proxy(node)
    sharing, own = await harness.client(proxy), await harness.client(proxy)
    assert (await sharing.request({"command": "subscribe", "streams": ["ledger", "transactions"]}))["type"]
    assert (await own.request({"command": "subscribe", "accounts": ["r1"], "api_version": 2}))["type"]
    return sharing, own


async def served(client: Client) -> int:
    """How many messages a client is pushed before the response to a request."""
    await client.send({"command": "fee", "id": "last"})
    return await pushed_before(client, b'"id":"last"')


async def pushed_before(client: Client, end: bytes) -> int:
    """How many messages a client is pushed before the one with this text."""
    pushed = 0
    while end not in (await client.socket.receive(SECONDS)).data:  # which may not be JSON
        pushed += 1
    return pushed


@pytest.mark.parametrize("harness", [False, True], indirect=True, ids=["own", "shared"])
@pytest.mark.parametrize("response", INVALID_RESPONSES.values(), ids=INVALID_RESPONSES)
@pytest.mark.parametrize("command", ["account_info", "subscribe", "unsubscribe", "path_find"])
async def test_an_invalid_response_fails_its_request_alone(harness: Harness, response: bytes, command: str) -> None:
    async def respond(session: ScriptedSession, asked: dict[str, Any]) -> None:
        is_faulty = asked["command"] == command and (command != "subscribe" or "accounts" in asked)
        await (session.send(response % asked["id"]) if is_faulty else session.respond(asked))

    node = await harness.node(respond)
    proxy = await harness.proxy(node)
    client, other = await harness.client(proxy), await harness.client(proxy)
    await other.request({"command": "subscribe", "streams": ["consensus"]})
    with capture_logs() as logs:
        await client.send({"command": command, "id": 1, "accounts": ["r1"], "subcommand": "create"})
        failed = await client.receive()
        assert (failed["id"], failed["error"], failed["request"]["command"]) == (1, "internal", command)
        for each in (client, other):
            assert await served(each) == 0
    assert not [entry for entry in logs if entry["log_level"] == "error"]


@pytest.mark.parametrize("text", [*USELESS.values(), *PUSHED.values()], ids=[*USELESS, *PUSHED])
async def test_invalid_messages_end_no_session(harness: Harness, text: bytes) -> None:
    """They are dropped, or passed on where they are a pushed message."""
    harness.share_subscriptions = True
    node = await harness.node(respond_to_all)
    clients = await sessions(harness, node)
    with capture_logs() as logs:
        for session in ((await node.shared_session()), await node.session(1)):
            await session.send(text)
            await session.send(b'{"type":"ledgerClosed","sentinel":"last"}')
        for client in clients:
            assert await pushed_before(client, b'"sentinel"') == (text in PUSHED.values())
            assert await served(client) == 0
    assert not [entry for entry in logs if entry["log_level"] == "error"]
