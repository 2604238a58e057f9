"""The demo node takes a signed transaction that nobody recorded, and closes ledgers with it, as its release would."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.transactions import transaction_hash
from proxy.demo import DemoClio, DemoNode
from proxy.demo.live_ledger import Header, LiveLedger
from proxy.demo.recorded import read_lines
from tests.support.conformance import client_session
from tests.support.validation import message_fault, result_fault

ALICE, BOB = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY", "rMzP2VnvYTauuRtGxJxJ6imu2qz5WNSTwg"
PAYMENT_DROPS = 1_234_567
NEWEST = Header(131, "AA" * 32, "BB" * 32, 848_562_629, 848_562_628, 10**17)
_SEQUENCE = "2400000007"  # the field and its value in the recorded payment
_FEE = "68400000000000000A"


@functools.cache
def recorded_payment() -> str:
    """A payment of Alice's to Bob."""
    entries = (e for e in read_lines("exchanges.jsonl.xz") if e["id"] == "submit/blob_past")
    blob: str = next(entries)["params"]["tx_blob"]
    return blob


def payment(sequence: int, fee: int = 10) -> str:
    """A payment of Alice's to Bob: a recorded one with another sequence number and fee; nobody verifies signatures."""
    blob = recorded_payment()
    assert _SEQUENCE in blob
    assert _FEE in blob
    return blob.replace(_SEQUENCE, f"24{sequence:08X}").replace(_FEE, f"6840{fee:014X}")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ledgers close quickly."""
    monkeypatch.setattr("proxy.demo.live_streams.CLOSE_SECONDS", 0.02)


class Client:
    """One WebSocket connection to a node, asking in its version."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, version: int) -> None:
        self._socket = socket
        self.version = version
        self.pushed: list[dict[str, Any]] = []

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """A result, or an error's message; what is pushed meanwhile goes to `pushed`."""
        await self._socket.send_json({"id": 1, "command": method, "api_version": self.version, **params})
        async with asyncio.timeout(10):
            while (message := await self._socket.receive_json()).get("id") != 1:
                self.pushed.append(message)
        found: dict[str, Any] = message.get("result", message)
        return found

    async def hear(self, kind: str, **members: Any) -> dict[str, Any]:
        """The next pushed message of a type that has these members."""
        async with asyncio.timeout(10):
            while True:
                message = self.pushed.pop(0) if self.pushed else await self._socket.receive_json()
                if message.get("type") == kind and members.items() <= message.items():
                    found: dict[str, Any] = message
                    return found

    async def sequence(self) -> int:
        """Alice's next sequence number."""
        found = await self.ask("account_info", account=ALICE, ledger_index="current")
        sequence: int = found["account_data"]["Sequence"]
        return sequence


@asynccontextmanager
async def connected(node: DemoNode | DemoClio) -> AsyncIterator[Client]:
    """A client of a node that is started and stopped with it."""
    async with node, client_session() as session, session.ws_connect(node.websocket_url) as socket:
        yield Client(socket, int(node.api_version))


NODES = [
    pytest.param(lambda: DemoNode(1, release="rippled-1.12"), id="rippled-1.12"),
    *(pytest.param(lambda v=v: DemoNode(v), id=f"rippled-2.6, version {v}") for v in (1, 2)),
    *(pytest.param(lambda v=v: DemoNode(v, release="xrpld-3.3"), id=f"xrpld-3.3, version {v}") for v in (1, 2)),
    *(pytest.param(lambda v=v: DemoClio(v), id=f"clio, version {v}") for v in (1, 2)),
]


@pytest.mark.parametrize("make", NODES)
async def test_a_payment_is_in_the_next_ledger_and_everywhere(make: Callable[[], DemoNode | DemoClio]) -> None:
    node = make()
    has_schemas = not (isinstance(node, DemoNode) and node.release == "rippled-1.12")  # it lacks what they require
    async with connected(node) as client:
        version, sequence = client.version, await client.sequence()
        before = await client.ask("account_info", account=ALICE, ledger_index="validated")
        await client.ask("subscribe", streams=["ledger", "transactions"])
        blob = payment(sequence)
        submitted = await client.ask("submit", tx_blob=blob)
        assert (submitted["engine_result"], submitted["applied"]) == ("tesSUCCESS", True)
        tx_hash = transaction_hash(blob)
        heard = await client.hear("transaction", ledger_index=submitted["validated_ledger_index"] + 1)
        index = heard["ledger_index"]
        results = {
            "tx": await client.ask("tx", transaction=tx_hash),
            "account_tx": await client.ask("account_tx", account=BOB, limit=1),
            "ledger": await client.ask("ledger", ledger_index=index, transactions=True, expand=True),
            "account_info": await client.ask("account_info", account=ALICE, ledger_index="validated"),
            "server_info": await client.ask("server_info"),
        }
        if has_schemas:
            for method, result in results.items():
                assert result_fault(version, method, result) is None, method
            assert message_fault(version, "stream.transaction", heard) is None
        if version > 1:
            seen = [results["tx"], results["account_tx"]["transactions"][0], heard]
            assert {each["hash"] for each in seen} == {tx_hash}
            assert results["ledger"]["ledger"]["transactions"][0]["hash"] == tx_hash
        else:
            inside = [results["tx"], results["account_tx"]["transactions"][0]["tx"], heard["transaction"]]
            assert {each["hash"] for each in inside} == {tx_hash}
            assert results["ledger"]["ledger"]["transactions"][0]["hash"] == tx_hash
        assert results["tx"]["validated"] is True
        assert results["tx"]["meta"]["delivered_amount"] == str(PAYMENT_DROPS)
        then, now = before["account_data"], results["account_info"]["account_data"]
        assert int(then["Balance"]) - int(now["Balance"]) == PAYMENT_DROPS + 10
        assert now["Sequence"] == sequence + 1
        info = results["server_info"]["info"]
        assert info["validated_ledger"]["seq"] >= index
        assert info["complete_ledgers"].endswith(f"-{info['validated_ledger']['seq']}")


@pytest.mark.parametrize("version", [1, 2])
async def test_a_transaction_in_the_open_ledger_is_not_validated(version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.demo.live_streams.CLOSE_SECONDS", 3600)
    async with connected(DemoNode(version)) as client:
        blob = payment(await client.sequence())
        await client.ask("submit", tx_blob=blob)
        pending = await client.ask("tx", transaction=transaction_hash(blob))
    assert pending["validated"] is False
    assert result_fault(version, "tx", pending) is None


async def test_what_1_12_lacks_is_not_in_its_live_ledgers() -> None:
    async with connected(DemoNode(1, release="rippled-1.12")) as client:
        await client.ask("subscribe", accounts=[BOB])
        submitted = await client.ask("submit", tx_blob=payment(await client.sequence()))
        assert "DeliverMax" not in submitted["tx_json"]
        heard = await client.hear("transaction", ledger_index=submitted["validated_ledger_index"] + 1)
        assert not {"ctid", "close_time_iso"} & heard.keys()
        ledger = (await client.ask("ledger", ledger_index=heard["ledger_index"]))["ledger"]
        assert "close_time_iso" not in ledger
        assert ledger["ledger_index"] == str(heard["ledger_index"])
        history = await client.ask("account_tx", account=ALICE, limit=1)
        assert not {"ctid", "DeliverMax"} & history["transactions"][0]["tx"].keys()


@pytest.mark.parametrize(
    ("ahead", "fee", "result"), [(-1, 10, "tefPAST_SEQ"), (1, 10, "terPRE_SEQ"), (0, 9, "telINSUF_FEE_P")]
)
async def test_a_transaction_that_cannot_be_applied_is_in_no_ledger(ahead: int, fee: int, result: str) -> None:
    async with connected(DemoNode(2)) as client:
        blob = payment(await client.sequence() + ahead, fee)
        await client.ask("subscribe", streams=["ledger"])
        submitted = await client.ask("submit", tx_blob=blob)
        assert (submitted["engine_result"], submitted["applied"]) == (result, False)
        closed = await client.hear("ledgerClosed", ledger_index=submitted["validated_ledger_index"] + 1)
        assert closed["txn_count"] == 0
        assert (await client.ask("tx", transaction=transaction_hash(blob)))["error"] == "txnNotFound"


async def test_an_unsigned_transaction_is_refused() -> None:
    async with connected(DemoNode(2)) as client:
        blob = payment(await client.sequence())
        signature = blob[blob.index("7446") : blob.index("8114")]
        refused = await client.ask("submit", tx_blob=blob.replace(signature, ""))
        assert refused["error"] == "invalidTransaction"


async def test_the_same_transaction_is_applied_once() -> None:
    async with connected(DemoNode(2)) as client:
        blob = payment(await client.sequence())
        await client.ask("submit", tx_blob=blob)
        assert (await client.ask("submit", tx_blob=blob))["engine_result"] == "tefPAST_SEQ"


async def test_until_then_the_ledger_stands_still() -> None:
    async with connected(DemoNode(2)) as client:
        first = await client.ask("ledger_closed")
        recorded = next(e for e in read_lines("exchanges.jsonl.xz") if e["id"] == "submit/blob_past")
        submitted = await client.ask("submit", **recorded["params"])  # a recorded one is answered as recorded
        assert submitted["engine_result"] == "tefPAST_SEQ"
        assert orjson.dumps(await client.ask("ledger_closed")) == orjson.dumps(first)
        await client.ask("subscribe", streams=["ledger"])
        await client.ask("submit", tx_blob=payment(await client.sequence()))
        await client.hear("ledgerClosed", ledger_index=first["ledger_index"] + 1)
        assert (await client.ask("ledger_closed"))["ledger_index"] > first["ledger_index"]


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 250), st.integers(0, 255)), max_size=3), st.integers(0, 250))
def test_any_bytes_are_a_transaction_or_refused(changes: list[tuple[int, int]], cut: int) -> None:
    blob = bytearray.fromhex(payment(30))
    for position, value in changes:
        blob[position % len(blob)] = value
    ledger = LiveLedger(lambda: NEWEST, lambda address: {"Balance": "20000000000", "Sequence": 30})
    try:
        submitted = ledger.submit(bytes(blob[: len(blob) - (cut if cut < 20 else 0)]).hex())
    except ValueError:
        return
    assert submitted.message
    assert ledger.close().header.parent_hash == NEWEST.hash
    assert submitted.is_applied == (ledger.place(submitted.hash) is not None)
