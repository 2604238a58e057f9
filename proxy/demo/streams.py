"""The messages that a real rippled pushed to its subscribers, and which of them a subscription gets."""

import functools
import gzip
from dataclasses import dataclass
from typing import Any

import orjson

from proxy.demo.recorded import FOLDER, Params

STREAM_OF_TYPE = {
    "ledgerClosed": "ledger",
    "bookChanges": "book_changes",
    "serverStatus": "server",
    "consensusPhase": "consensus",
    "validationReceived": "validations",
    "manifestReceived": "manifests",
}
# What of the answer to a `subscribe` belongs to which stream.
LEDGER_FIELDS = frozenset(
    {"fee_base", "ledger_hash", "ledger_index", "ledger_time", "network_id", "reserve_base", "reserve_inc"}
    | {"validated_ledgers"}
)
SERVER_FIELDS = frozenset(
    {"hostid", "load_base", "load_factor", "pubkey_node", "random", "server_status", "stand_alone"}
)


@dataclass(frozen=True, slots=True)
class Subscription:
    """The `result` that a `subscribe` is answered with, and the messages pushed after it, in order."""

    result: dict[str, Any]
    messages: list[str]


class StreamRecordings:
    """What was pushed at one API version: to subscribers of all streams, of three accounts, of one book."""

    def __init__(self, version: int) -> None:
        with gzip.open(FOLDER / "streams.json.gz", "rb") as file:
            recorded = orjson.loads(file.read())
        groups = {name: recorded[f"{name}/{version}"] for name in ("streams", "accounts", "books")}
        self._requests = {name: group["request"][name] for name, group in groups.items()}
        self._results = {name: group["response"]["result"] for name, group in groups.items()}
        self._streams = _with_stream(groups["streams"]["messages"])
        self._accounts = [_text(message) for message in groups["accounts"]["messages"]]
        self._books = [_text(message) for message in groups["books"]["messages"]]

    def subscribe(self, params: Params) -> Subscription | None:
        """What a `subscribe` with these parameters gets; None where it asks for something not recorded."""
        known = {
            "streams": self._to_streams,
            "accounts": self._to_accounts,
            "accounts_proposed": self._to_accounts_proposed,
            "books": self._to_books,
        }
        parts = [choose(params[name]) for name, choose in known.items() if name in params]
        if not parts or "account_history_tx_stream" in params:
            return None
        result: dict[str, Any] = {}
        messages: list[str] = []
        for part in parts:
            if part is None:
                return None
            result.update(part.result)
            messages += part.messages
        return Subscription(result, messages)

    def _to_streams(self, asked: Any) -> Subscription | None:
        if not isinstance(asked, list) or not all(name in self._requests["streams"] for name in asked):
            return None
        left_out: frozenset[str] = frozenset()
        left_out |= LEDGER_FIELDS if "ledger" not in asked else frozenset()
        left_out |= SERVER_FIELDS if "server" not in asked else frozenset()
        result = {name: value for name, value in self._results["streams"].items() if name not in left_out}
        return Subscription(result, [text for stream, text in self._streams if stream in asked])

    def _to_accounts(self, asked: Any) -> Subscription | None:
        if not isinstance(asked, list):
            return None
        if set(self._requests["accounts"]) <= set(asked):
            return Subscription({}, self._accounts)
        return Subscription({}, [text for text in self._accounts if any(account in text for account in asked)])

    def _to_accounts_proposed(self, asked: Any) -> Subscription | None:
        """Not recorded, but the same messages as the stream `transactions_proposed` has, fewer of them."""
        if not isinstance(asked, list):
            return None
        proposed = [text for stream, text in self._streams if stream == "transactions_proposed"]
        return Subscription({}, [text for text in proposed if any(account in text for account in asked)])

    def _to_books(self, asked: Any) -> Subscription | None:
        if asked != self._requests["books"]:
            return None
        return Subscription(self._results["books"], self._books)


def _text(message: dict[str, Any]) -> str:
    return orjson.dumps(message).decode()


def _with_stream(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Each message with the stream that it was pushed for.

    A validated transaction comes once to the subscribers of `transactions` and once more, the very same, to those of
    `transactions_proposed`; the recording subscribed to both.
    """
    found: list[tuple[str, str]] = []
    seen: set[str] = set()
    for message in messages:
        text = _text(message)
        if message["type"] != "transaction":
            stream = STREAM_OF_TYPE[message["type"]]
        elif not message["validated"] or text in seen:
            stream = "transactions_proposed"
        else:
            stream = "transactions"
        seen.add(text)
        found.append((stream, text))
    return found


@functools.cache
def stream_recordings(version: int) -> StreamRecordings:
    """The stream messages of API version 1, 2 or 3, read at the first call, then shared."""
    return StreamRecordings(version)
