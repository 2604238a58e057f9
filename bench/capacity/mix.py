"""What the clients send and when, and what nodes push: the same from the same seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import NamedTuple

import orjson

from bench.answers import HEALTHY, Json, recorded_result
from proxy.demo.recorded import read_streams

VERSIONS = (1, 2)
TRANSACTIONS_PER_SECOND = 10
LEDGER_SECONDS = 4
VALIDATORS = 35
STREAMS = (
    "ledger",
    "transactions",
    "transactions_proposed",
    "server",
    "validations",
    "book_changes",
    "consensus",
    "manifests",
)


class Kind(NamedTuple):
    """Requests of one kind: `weight` of 100; `over_http`: in a POST, otherwise a message of a session."""

    method: str
    weight: int
    over_http: bool = False


KINDS = (
    *(Kind(method, 20) for method in ("account_info", "tx", "account_tx")),
    *(Kind(method, weight, over_http=True) for method, weight in (("account_info", 7), ("tx", 7), ("account_tx", 6))),
    *(Kind(method, 10) for method in ("ledger", "server_info")),
)
"""60 % over WebSocket for accounts and transactions, 20 % the same over HTTP, and 20 % of `ledger` (the header of the
validated one) and `server_info` over WebSocket, which clients use to follow the network."""

_ACCOUNTS = (
    "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY",
    "rMzP2VnvYTauuRtGxJxJ6imu2qz5WNSTwg",
    "rfLSrf5L18qCUaPyVWU9kJNGhcFQzbWZK7",
)


class Arrival(NamedTuple):
    """A request: seconds after the start, its index in `KINDS`, and numbers that choose who sends it and about what."""

    at: float
    kind: int
    sender: int
    about: int


def arrivals(rate: float, seconds: float, seed: int) -> Iterator[Arrival]:
    """Requests that arrive independently of each other and of responses (Poisson), `rate` a second on average."""
    chance = random.Random(seed)  # noqa: S311
    weights = list(accumulate(kind.weight for kind in KINDS))
    at = chance.expovariate(rate)
    while at < seconds:
        kind = chance.choices(range(len(KINDS)), cum_weights=weights)[0]
        yield Arrival(at, kind, chance.getrandbits(32), chance.getrandbits(32))
        at += chance.expovariate(rate)


def params(method: str, version: int, about: int) -> Json:
    """The parameters of a request."""
    of: dict[str, Json] = {
        "account_info": {"account": _ACCOUNTS[about % 3], "signer_lists": True},
        "account_tx": {"account": _ACCOUNTS[about % 3], "limit": 20},
        "tx": {"transaction": f"{about:064X}"},
        "ledger": {"ledger_index": "validated"},
        "server_info": {},
    }
    chosen = of[method]
    return chosen if version == 1 else {**chosen, "api_version": version}


def message(method: str, version: int, about: int, number: int) -> bytes:
    """A request over WebSocket, whose `id` is the number after a `#`, which no other text has."""
    return orjson.dumps({"id": f"#{number:010}", "command": method, **params(method, version, about)})


def post_body(method: str, version: int, about: int) -> bytes:
    """A request over HTTP."""
    return orjson.dumps({"method": method, "params": [params(method, version, about)]})


@cache
def results() -> dict[str, bytes]:
    """What the node has for each method, in version 2."""
    page = recorded_result("account_tx/alice", 2)
    page["transactions"] = page["transactions"][:20]
    found = {
        "account_info": recorded_result("account_info/alice_signers", 2),
        "account_tx": page,
        "tx": recorded_result("tx/026", 2),
        "ledger": recorded_result("ledger/header130", 2),
        "server_info": {**recorded_result("server_info/plain", 2), **HEALTHY},
    }
    return {method: orjson.dumps(result) for method, result in found.items()}


@dataclass(frozen=True, slots=True)
class Pushed:
    """Messages that the node pushes together, `at` seconds after a ledger has closed. Each lacks its last brace, and
    with it when it is sent.
    """

    at: float
    messages: tuple[bytes, ...]


@cache
def pushed_per_ledger() -> tuple[Pushed, ...]:
    """All that is pushed from one ledger to the next, in order.

    A transaction comes when it is proposed, and with its ledger once for each of the two streams of transactions.
    """
    recorded: list[Json] = read_streams()["streams/2"]["messages"]
    of = {
        validated: [one for one in recorded if one["type"] == "transaction" and one["validated"] is validated]
        for validated in (False, True)
    }
    count = TRANSACTIONS_PER_SECOND * LEDGER_SECONDS
    proposed, validated = ([open_message(of[kind][n % len(of[kind])]) for n in range(count)] for kind in (False, True))
    closed, changes = (
        open_message(next(one for one in recorded if one["type"] == kind)) for kind in ("ledgerClosed", "bookChanges")
    )
    validations = [open_message(_validation(number)) for number in range(VALIDATORS)]
    phases = [
        Pushed(at, (open_message({"type": "consensusPhase", "consensus": phase}),))
        for at, phase in ((0.1, "open"), (2.05, "establish"), (3.95, "accepted"))
    ]
    groups = [
        Pushed(0, (closed, *(each for one in validated for each in (one, one)), changes)),
        *(Pushed((number + 0.5) / TRANSACTIONS_PER_SECOND, (one,)) for number, one in enumerate(proposed)),
        *(Pushed(3 + number / VALIDATORS, (one,)) for number, one in enumerate(validations)),
        *phases,
    ]
    return tuple(sorted(groups, key=lambda group: group.at))


def messages_per_second() -> float:
    """Messages that one subscriber is pushed."""
    return sum(len(group.messages) for group in pushed_per_ledger()) / LEDGER_SECONDS


def open_message(message: Json) -> bytes:
    """As `Pushed` has it."""
    return orjson.dumps(message)[:-1]


def stamped(opened: bytes, microseconds: int) -> bytes:
    """A whole message, with when it is sent."""
    return b'%b,"sent":%d}' % (opened, microseconds)


def _validation(number: int) -> Json:
    return {
        "type": "validationReceived",
        "base_fee": 10,
        "cookie": str(7_000_000_000_000_000_000 + number),
        "data": "220000000126" + "AB" * 200,
        "flags": 2147483649,
        "full": True,
        "ledger_hash": "E062DDB60148854AE5DDD6F3F8C8161021D8735B1C93BB547311F41350C0193B",
        "ledger_index": 130,
        "load_fee": 256,
        "master_key": f"nHUeeJCSY2dM71oxM8Cgjouf5ekTuev2mwDpc374aLMxzDLXNm{number:02}",
        "network_id": 0,
        "reserve_base": 10000000,
        "reserve_inc": 2000000,
        "server_version": "1745990410175512576",
        "signature": "3045" + "CD" * 69,
        "signing_time": 848562628,
        "validated_hash": "13E38709BCEFDA82AF1CA664D259491B83E8E3A5E74E001A4DB5F136C9FA2552",
        "validation_public_key": f"n9LCf7NtwcyXVc5fYB6UVByRoQZqJDhrMUoKnrDC6yiqNw1fHk{number:02}",
    }
