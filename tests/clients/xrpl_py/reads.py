"""Asks and subscribes with xrpl-py, over every transport it has, and prints as JSON what the library made of it.

    python reads.py API_VERSION HTTP_URL WEBSOCKET_URL

An answer that is not as this version of the library expects it ends it with a traceback.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from shapes import reported  # type: ignore[import-not-found]
from xrpl.asyncio.clients import AsyncJsonRpcClient, AsyncWebsocketClient  # type: ignore[import-not-found]
from xrpl.clients import JsonRpcClient, WebsocketClient  # type: ignore[import-not-found]
from xrpl.models import (  # type: ignore[import-not-found]
    AccountInfo,
    AccountTx,
    Fee,
    Ledger,
    Response,
    StreamParameter,
    SubmitOnly,
    Subscribe,
    Tx,
)

Ask = Callable[[Any], Response]

ALICE = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"
NOBODY = "rPT1Sjq2YGrBMTttX4GZHjKu9dyfzbpAYe"
PAYMENT = "0768C0C8BB76AC3503B14FDC2BF361E2D17304F5AE0359516D68E3A4C51BED43"
BUSY_LEDGER = 130
STREAMS = [
    StreamParameter.LEDGER,
    StreamParameter.TRANSACTIONS,
    StreamParameter.TRANSACTIONS_PROPOSED,
    StreamParameter.VALIDATIONS,
]
LISTEN_SECONDS = 10


def ask_all(ask: Ask, version: int) -> dict[str, Any]:
    """The answers as the library gives them, and what its models make of them."""
    return {
        "account_info": account_info(ask, version),
        "account_tx": account_tx(ask, version),
        "tx, submit": tx_and_submit(ask, version),
        "ledger": ledger(ask, version),
        "errors": errors(ask),
    }


def account_info(ask: Ask, version: int) -> Any:
    result = success(ask(AccountInfo(account=ALICE, signer_lists=True)))
    assert ("signer_lists" in result["account_data"]) == (version == 1)
    assert ("signer_lists" in result) == (version == 2)
    lists = (result["account_data"] if version == 1 else result)["signer_lists"]
    assert lists[0]["SignerQuorum"] > 0
    return result


def account_tx(ask: Ask, version: int) -> Any:
    """All pages, and what the library makes of each transaction."""
    pages = [success(ask(AccountTx(account=ALICE, limit=10)))]
    while "marker" in pages[-1]:
        pages.append(success(ask(AccountTx(account=ALICE, limit=10, marker=pages[-1]["marker"]))))
    assert [len(page["transactions"]) for page in pages] == [10, 10, 10, 2]
    entries = [entry for page in pages for entry in page["transactions"]]
    made = [reported(entry, "account_tx", version).summary(version) for entry in entries]
    # The rest are of types that xrpl-py 2 is too old for, or have data that its models are stricter about.
    assert sum(modelled.isidentifier() for _, modelled, _ in made) > 25
    return pages, made


def tx_and_submit(ask: Ask, version: int) -> Any:
    """A transaction read, encoded by the library, and submitted again."""
    read = success(ask(Tx(transaction=PAYMENT)))
    payment = reported(read, "tx", version)
    assert payment.model(version).amount == "1234567"
    submitted = success(ask(SubmitOnly(tx_blob=payment.blob)))
    assert submitted["engine_result"] == "tefPAST_SEQ"
    assert submitted["tx_json"]["hash"] == PAYMENT
    return read, payment.summary(version), submitted


def ledger(ask: Ask, version: int) -> Any:
    result = success(ask(Ledger(ledger_index=BUSY_LEDGER, transactions=True, expand=True)))
    assert result["ledger"]["ledger_index"] == (str(BUSY_LEDGER) if version == 1 else BUSY_LEDGER)
    entries = result["ledger"]["transactions"]
    assert entries
    return result, [reported(entry, "ledger", version).summary(version) for entry in entries]


def errors(ask: Ask) -> list[Any]:
    unknown = ask(AccountInfo(account=NOBODY, signer_lists=True, id="errors/1"))
    malformed = ask(SubmitOnly(tx_blob="DEADBEEF", id="errors/2"))
    missing = ask(Ledger(ledger_index=1130, transactions=True, expand=True, id="errors/3"))
    answers = [unknown, malformed, missing]
    assert not any(answer.is_successful() for answer in answers)
    assert [answer.result["error"] for answer in answers] == ["actNotFound", "invalidTransaction", "lgrNotFound"]
    return [answer.result for answer in answers]


def success(response: Response) -> Any:
    assert response.is_successful(), response
    return response.result


def subscription() -> tuple[Subscribe, Fee]:
    """What to send: the answer to the second marks the end of what the demo node pushes for the first."""
    return Subscribe(id="subscribe", streams=STREAMS, accounts=[ALICE]), Fee(id="end")


def pushed(messages: Iterable[dict[str, Any]], version: int) -> dict[str, Any]:
    """How many messages of each type came, and what the library makes of each transaction."""
    listed = list(messages)
    types = Counter(message["type"] for message in listed)
    assert types["ledgerClosed"] > 10
    transactions = [message for message in listed if message["type"] == "transaction"]
    assert any(message["validated"] for message in transactions)
    assert any(not message["validated"] for message in transactions)
    made = [reported(message, "transaction", version).summary(version) for message in transactions]
    return {"types": types, "pushed": listed, "transactions": made}


def over_sync_websocket(url: str, version: int) -> dict[str, Any]:
    with WebsocketClient(url, timeout=LISTEN_SECONDS) as client:
        answers = ask_all(client.request, version)
    with WebsocketClient(url, timeout=LISTEN_SECONDS) as client:
        for request in subscription():
            client.send(request)
        messages: list[dict[str, Any]] = []
        for message in client:
            if message.get("id") == "end":
                break
            messages.append(message)
    return {**answers, **pushed(messages, version)}


def over_async_websocket(url: str, version: int) -> dict[str, Any]:
    async def listen() -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        async with asyncio.timeout(LISTEN_SECONDS), AsyncWebsocketClient(url) as client:
            for request in subscription():
                await client.send(request)
            async for message in client:
                if message.get("id") == "end":
                    break
                messages.append(message)
        return messages

    with asyncio.Runner() as runner:
        client = AsyncWebsocketClient(url)
        runner.run(client.open())
        answers = ask_all(lambda request: runner.run(client.request(request)), version)
        runner.run(client.close())
        return {**answers, **pushed(runner.run(listen()), version)}


def over_async_http(url: str, version: int) -> dict[str, Any]:
    client = AsyncJsonRpcClient(url)
    with asyncio.Runner() as runner:
        return ask_all(lambda request: runner.run(client.request(request)), version)


def main() -> None:
    version, http_url, websocket_url = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    report = {
        "JsonRpcClient": ask_all(JsonRpcClient(http_url).request, version),
        "AsyncJsonRpcClient": over_async_http(http_url, version),
        "WebsocketClient": over_sync_websocket(websocket_url, version),
        "AsyncWebsocketClient": over_async_websocket(websocket_url, version),
    }
    json.dump(report, sys.stdout)


main()
