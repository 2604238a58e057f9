"""The messages that a real server pushed to its subscribers, and which of them a subscription gets."""

import functools
from dataclasses import dataclass
from typing import Any

import orjson

from proxy.demo.ledger_streams import ledger_messages, ledger_state
from proxy.demo.recorded import API_VERSIONS, Params, Recordings, Release, read_streams, recordings

STREAM_OF_TYPE = {
    "ledgerClosed": "ledger",
    "bookChanges": "book_changes",
    "serverStatus": "server",
    "consensusPhase": "consensus",
    "validationReceived": "validations",
    "manifestReceived": "manifests",
}
# What of the response to a `subscribe` belongs to which stream.
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
    """What a release pushes at one API version to subscribers of streams, accounts and books.

    Where pushes of streams were not recorded they are made from the recorded ledgers; of books then there are none.
    """

    def __init__(self, version: int, release: Release) -> None:
        recorded = read_streams(release)
        groups = {name: recorded.get(f"{name}/{version}") for name in ("streams", "accounts", "books")}
        known = {name: group for name, group in groups.items() if group is not None}
        self._requests = {name: group["request"][name] for name, group in known.items()}
        self._results = {name: group["response"]["result"] for name, group in known.items()}
        if "streams" in known:
            self._streams = _with_stream(known["streams"]["messages"])
        else:
            self._make_streams(recordings(version, "public", release), API_VERSIONS[release])
        self._accounts = [_text(message) for message in known["accounts"]["messages"]] if "accounts" in known else []
        self._books = [_text(message) for message in known["books"]["messages"]] if "books" in known else []

    def _make_streams(self, recorded: Recordings, versions: range) -> None:
        results = recorded.ledgers()
        self._streams = list(ledger_messages(results, has_v2=len(versions) > 1))
        newest = max(results)
        self._requests["streams"] = ["ledger", "transactions"]
        self._results["streams"] = ledger_state(results[newest], f"{min(results)}-{newest}")

    def subscribe(self, params: Params) -> Subscription | None:
        """The result of a `subscribe` with these parameters; None if something in it was not recorded."""
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
        if "accounts" not in self._requests:
            validated = [text for stream, text in self._streams if stream == "transactions"]
            return Subscription({}, [text for text in validated if any(account in text for account in asked)])
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
        if "books" not in self._requests or asked != self._requests["books"]:
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
def stream_recordings(version: int, release: Release = "rippled-2.6") -> StreamRecordings:
    """A release's stream messages at an API version, read at the first call, then shared."""
    return StreamRecordings(version, release)
