"""The node's pushed messages in each version, compared with translated ones."""

import asyncio
from collections.abc import Callable
from itertools import permutations
from typing import Any

import orjson

from adapters import JsonObject, NodeInfo, NodeRequest, Versions
from adapters.node import UNKNOWN_NODE
from proxy.commands.api_client import ApiClient, NoAnswer
from proxy.commands.verification.comparison import Outcome, Verdict, differences

STREAMS = ["ledger", "transactions", "validations", "book_changes", "manifests"]
_MOST_MESSAGES = 20_000

KEYS: dict[str, Callable[[JsonObject], Any]] = {
    "ledgerClosed": lambda message: message.get("ledger_hash"),
    "bookChanges": lambda message: message.get("ledger_hash"),
    "manifestReceived": lambda message: (message.get("master_key"), message.get("seq")),
    "transaction": lambda message: message.get("hash") or message.get("transaction", {}).get("hash"),
    "validationReceived": lambda message: message.get("signature"),
}
"""By type: the fields that identify the same message on two connections. Other types are not compared."""

Key = tuple[str, Any]


async def compare_pushed(
    url: str,
    versions: Versions,
    spoken: tuple[int, ...],
    seconds: float,
    server: NodeInfo = UNKNOWN_NODE,
    ignored: frozenset[str] = frozenset(),
) -> list[Outcome]:
    """Subscribe for `seconds` in every version together, each on its own connection.

    Messages on only one of two connections, as at the start and the end, are skipped. Raises NoAnswer and TextAnswer.
    """
    collected = await asyncio.gather(*(_collect(url, version, seconds) for version in spoken))
    by_version = dict(zip(spoken, collected, strict=True))
    found: list[Outcome] = []
    for client, node in permutations(spoken, 2):
        pipeline = versions.stream_pipeline(client, node, server)
        native, other = by_version[client], by_version[node]
        for key in native.keys() & other.keys():
            kind, name = key
            got = pipeline.rewrite(orjson.loads(other[key]))
            asked = NodeRequest(f"pushed {kind}", {"streams": STREAMS})
            lines = differences(orjson.loads(native[key]), got, asked, ignored)
            params = {"message": name if isinstance(name, str) else list(name)}
            verdict: Verdict = "different" if lines else "same"
            found.append(Outcome(asked.method, params, "WebSocket", client, node, verdict, lines))
    return found


async def _collect(url: str, version: int, seconds: float) -> dict[Key, bytes]:
    """The messages within `seconds`, the first of each key, as JSON."""
    found: dict[Key, bytes] = {}
    async with ApiClient(url, websocket=True) as server:
        answered = await server.ask("subscribe", {"streams": STREAMS}, version)
        error = answered.result().get("error")
        if error is not None:
            raise NoAnswer(f"subscribe in version {version} was refused: {error}")
        deadline = asyncio.get_running_loop().time() + seconds
        while len(found) < _MOST_MESSAGES:
            try:
                message = await server.pushed(deadline - asyncio.get_running_loop().time())
            except TimeoutError:
                break
            kind = message.get("type", "")
            name = KEYS[kind](message) if kind in KEYS else None
            if name is not None:
                found.setdefault((kind, name), orjson.dumps(message))
    return found
