"""Today's xrpl-py against a server that only knows API version 1. Writes what it made of the responses, as JSON."""

import json
import sys
from typing import Any

from xrpl.account import get_balance  # type: ignore[import-not-found]
from xrpl.clients import WebsocketClient  # type: ignore[import-not-found]
from xrpl.models import AccountTx, Ledger, StreamParameter, Subscribe  # type: ignore[import-not-found]
from xrpl.utils import drops_to_xrp  # type: ignore[import-not-found]


def main() -> None:
    """Asks for a balance, a history and a ledger, and waits for the first pushed transaction."""
    url, account = sys.argv[2:]
    with WebsocketClient(url) as client:
        balance = drops_to_xrp(str(get_balance(account, client)))
        history = client.request(AccountTx(account=account, limit=60)).result["transactions"]
        ledger = client.request(Ledger(ledger_index=57, transactions=True, expand=True)).result["ledger"]
        client.send(Subscribe(streams=[StreamParameter.LEDGER, StreamParameter.TRANSACTIONS]))
        pushed: dict[str, Any] = next(message for message in client if message.get("type") == "transaction")
    entry = ledger["transactions"][0]
    made = {
        "balance": f"{balance.normalize():f}",
        "hashes": [each["hash"] for each in history],
        "types": [each["tx_json"]["TransactionType"] for each in history],
        "payment": [entry["hash"], entry["tx_json"]["DeliverMax"], entry["close_time_iso"]],
        "pushed": sorted(pushed),
    }
    sys.stdout.write(json.dumps(made))


main()
