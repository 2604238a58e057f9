"""A payment with today's xrpl-py, signed by the library, and where it is seen afterwards. Writes that as JSON."""

import json
import sys
from typing import Any

from xrpl import CryptoAlgorithm  # type: ignore[import-not-found]
from xrpl.clients import WebsocketClient  # type: ignore[import-not-found]
from xrpl.models import (  # type: ignore[import-not-found]
    AccountInfo,
    AccountTx,
    Ledger,
    Payment,
    StreamParameter,
    Subscribe,
    Tx,
)
from xrpl.transaction import submit_and_wait  # type: ignore[import-not-found]
from xrpl.wallet import Wallet  # type: ignore[import-not-found]


def main() -> None:
    """Pays over one connection, and hears of it on another."""
    url, seed, destination = sys.argv[2:]
    wallet = Wallet.from_seed(seed, algorithm=CryptoAlgorithm.SECP256K1)
    accounts = (wallet.address, destination)
    with WebsocketClient(url) as client, WebsocketClient(url) as listening:

        def balances() -> list[str]:
            asked = (AccountInfo(account=account, ledger_index="validated") for account in accounts)
            return [client.request(each).result["account_data"]["Balance"] for each in asked]

        before = balances()
        listening.send(Subscribe(streams=[StreamParameter.LEDGER], accounts=[destination]))
        payment = Payment(account=wallet.address, destination=destination, amount="1500000")
        result = submit_and_wait(payment, client, wallet).result
        again = client.request(Tx(transaction=result["hash"])).result
        history = client.request(AccountTx(account=destination, limit=1)).result["transactions"]
        of_index = Ledger(ledger_index=result["ledger_index"], transactions=True, expand=True)
        inside = client.request(of_index).result["ledger"]["transactions"]
        after = balances()
        closed: list[int] = []
        pushed: dict[str, Any] = {}
        for message in listening:
            if message.get("type") == "ledgerClosed":
                closed.append(message["ledger_index"])
            elif message.get("hash") == result["hash"]:
                pushed = message
                break
    made = {
        "before": before,
        "after": after,
        "validated": [result["validated"], again["validated"]],
        "delivered": result["meta"]["delivered_amount"],
        "amount": result["tx_json"]["DeliverMax"],
        "fee": result["tx_json"]["Fee"],
        "time": result["close_time_iso"],
        "hashes": [result["hash"], again["hash"], history[0]["hash"], inside[0]["hash"], pushed["hash"]],
        "ledgers": [result["ledger_index"], history[0]["ledger_index"], pushed["ledger_index"]],
        "closed": result["ledger_index"] in closed,
    }
    sys.stdout.write(json.dumps(made))


main()
