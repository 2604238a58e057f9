"""The answers that the fixed node gives: recorded ones, made as long as a case wants them."""

from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson

from proxy.demo.recorded import read_lines

Json = dict[str, Any]

# The fixed node answers everything alike; with this in it, the proxy finds it in health.
HEALTHY = {"info": {"server_state": "full", "validated_ledger": {"seq": 130, "age": 1}}}


_VERY_LARGE = 5_000_000
"""The others take seconds for responses of this size."""


@dataclass(frozen=True, slots=True)
class Case:
    """A request, in the client's version, and the answer that the node has for it, in its own."""

    name: str
    request: bytes
    answer: bytes
    client_version: int
    node_version: int
    rivals_rewrite: bool = True
    """Whether the others can do it: they are written for version 1 on version 2."""
    family: str = ""
    """What this is one size of."""

    @property
    def passes(self) -> bool:
        """Whether there is nothing to rewrite."""
        return self.client_version == self.node_version


@cache
def _exchanges() -> dict[str, Json]:
    return {line["id"]: line for line in read_lines("exchanges.jsonl.xz")}


def _recorded(entry: str, version: int) -> Json:
    body: Json = deepcopy(_exchanges()[entry]["http"][str(version)]["body"])
    body["result"] |= HEALTHY
    return body


def recorded_result(entry: str, version: int) -> Json:
    """The result of a recorded exchange."""
    result: Json = deepcopy(_exchanges()[entry]["http"][str(version)]["body"]["result"])
    return result


def _repeated(entries: list[Json], times: int) -> list[Json]:
    return [entries[number % len(entries)] for number in range(times)]


def account_info(client_version: int, node_version: int, name: str) -> Case:
    """A small answer, about 1.5 kB with a signer list."""
    request = _recorded_request("account_info/alice_signers", client_version)
    answer = orjson.dumps(_recorded("account_info/alice_signers", node_version))
    return Case(name, request, answer, client_version, node_version)


def account_tx(times: int, name: str) -> Case:
    """A page of as many transactions, version 1 on version 2."""
    answer = _recorded("account_tx/alice", 2)
    answer["result"]["transactions"] = _repeated(answer["result"]["transactions"], times)
    return Case(name, _recorded_request("account_tx/alice", 1), orjson.dumps(answer), 1, 2, family="account_tx")


def recorded_page(entries: int) -> tuple[Json, int]:
    """A node's response of version 1 with so many entries, and the number of their distinct ledgers."""
    page = _recorded("account_tx/alice", 1)
    page["result"]["transactions"] = listed = _repeated(page["result"]["transactions"], entries)
    return page, len({entry["tx"]["ledger_index"] for entry in listed})


def ledger(client_version: int, node_version: int, size: int) -> Case:
    """An expanded ledger of about `size` bytes."""
    family = f"ledger, v{client_version} on v{node_version}"
    length = f"{size // 1_000_000} MB" if size >= 1_000_000 else f"{size // 1000} kB"
    answer = _recorded("ledger/130_transactions_expand", node_version)
    entries = answer["result"]["ledger"]["transactions"]
    times = max(1, round(size / len(orjson.dumps(entries)) * len(entries)))
    answer["result"]["ledger"]["transactions"] = _repeated(entries, times)
    request = _recorded_request("ledger/130_transactions_expand", client_version)
    return Case(
        family.replace("ledger", f"ledger of {length}"),
        request,
        orjson.dumps(answer),
        client_version,
        node_version,
        rivals_rewrite=(client_version, node_version) == (1, 2) and size < _VERY_LARGE,
        family=family,
    )


def _recorded_request(entry: str, version: int) -> bytes:
    line = _exchanges()[entry]
    params = line["params"] if version == 1 else {**line["params"], "api_version": version}
    return orjson.dumps({"method": line["method"], "params": [params]})


def all_cases() -> list[Case]:
    """The cases of requests over HTTP; of a family each is ten times as large as the one before."""
    return [
        account_info(1, 2, "account_info rewritten"),
        account_info(2, 2, "account_info passed through"),
        *(account_tx(times, f"account_tx of {times}") for times in (20, 200)),
        *(ledger(*versions, size) for versions in ((1, 2), (2, 1)) for size in (1_000_000, 10_000_000)),
        ledger(2, 2, 1_000_000),
    ]
