"""Recordings of a node that speaks an imaginary version 4, made from those of rippled 2.6.1, not by any adapter."""

import copy
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from proxy.demo.recorded import read_lines, read_streams

Json = dict[str, Any]


def write_recordings(folder: Path) -> None:
    """Writes into `folder` what such a node answers, and pushes, at versions 1 to 4."""
    folder.mkdir()
    for name in ("exchanges", "support"):
        lines = b"\n".join(orjson.dumps(_with_version_4(entry)) for entry in read_lines(f"{name}.jsonl.xz"))
        (folder / f"{name}.jsonl.xz").write_bytes(lzma.compress(lines))
    streams = read_streams()
    for group in ("streams", "accounts", "books"):
        stream = copy.deepcopy(streams[f"{group}/3"])
        stream["request"]["api_version"] = stream["response"]["api_version"] = stream["version"] = 4
        for message in stream["messages"]:
            _rename(message, "txn_count", "transaction_count")
        streams[f"{group}/4"] = stream
    (folder / "streams.json.xz").write_bytes(lzma.compress(orjson.dumps(streams)))


def _with_version_4(entry: Json) -> Json:
    for answers in (entry["http"], entry["ws"]):
        if "3" in answers:
            answers["4"] = copy.deepcopy(answers["3"])
            for holder in _holders(answers["4"]):
                _change(entry["method"], holder)
    return entry


def _holders(answer: Any) -> Iterator[Json]:
    """What holds a result's members in a recorded answer, and the echo of the request, which has the version."""
    if not isinstance(answer, dict):
        return
    yield answer
    for name in ("body", "result", "error", "request"):
        yield from _holders(answer.get(name))


def _change(method: str, holder: Json) -> None:
    if holder.get("api_version") == 3:
        holder["api_version"] = 4
    if holder.get("error") == "notSynced":
        holder["error"] = "outOfSync"
    if method == "account_info" and "account_flags" in holder:
        holder["account_data"]["flags"] = holder.pop("account_flags")
    if method == "account_currencies":
        _rename(holder, "receive_currencies", "receive")
    if method == "fee" and "drops" in holder:
        holder["drops"] = {name: int(value) for name, value in holder["drops"].items()}
        holder.pop("ledger_current_index", None)
    if method == "server_info" and "info" in holder:
        _rename(holder["info"].get("validated_ledger", {}), "seq", "ledger_index")


def _rename(holder: Json, old: str, new: str) -> None:
    if old in holder:
        holder[new] = holder.pop(old)
