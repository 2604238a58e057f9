"""The recorded requests as bytes, and how a response to one is compared with the recorded one."""

import base64
from dataclasses import dataclass
from typing import Any

import orjson

from proxy.demo.recorded import read_lines
from tests.support.conformance import differences

EXCEPTIONS: dict[str, str] = {
    "http/size_1100000": "rippled resets the connection in the middle; the proxy answers, as it does for all too big",
    "ws/size_big": "rippled echoes the whole of a message that it does not read; the proxy no more than 1 kB of it",
}
REFUSED = "invalid_API_version"


@dataclass(frozen=True, slots=True)
class Raw:
    """A recorded request: `status` is None over WebSocket, `text` what came back."""

    id: str
    body: bytes
    binary: bool
    status: int | None
    text: str


def raw_entries(transport: str) -> list[Raw]:
    found = []
    for entry in read_lines("raw.jsonl.xz"):
        if entry["id"].startswith(f"{transport}/") and entry["id"] not in EXCEPTIONS:
            text = entry["text"] if transport == "http" else entry["data"]
            body = base64.b64decode(entry["body_b64"])
            found.append(Raw(entry["id"], body, entry.get("binary", False), entry.get("status"), text))
    return found


def raw_differences(raw: Raw, status: int | None, text: str) -> list[str]:
    """What is not as recorded; for a refused version the text has XLS-22's words as well as rippled's."""
    if status != raw.status:
        return [f"status: native {raw.status}, proxy {status}: {text[:160]!r}"]
    try:
        native = orjson.loads(raw.text)
    except orjson.JSONDecodeError:
        first = raw.text.split()[0]
        if not text.startswith(first):
            return [f"text: native {raw.text[:120]!r}, proxy {text[:120]!r}"]
        return [] if first != REFUSED or "Unsupported API version" in text else [f"without XLS-22's words: {text!r}"]
    try:
        got = orjson.loads(text)
    except orjson.JSONDecodeError:
        return [f"native JSON, proxy {text[:160]!r}"]
    if isinstance(native, dict) and native.get("error") == REFUSED:
        native["error_message"] = got.get("error_message", "(XLS-22's words)")
        if "Unsupported API version" not in native["error_message"]:
            return [f"without XLS-22's words: {text!r}"]
    return differences(without_peer(native), without_peer(got))


def without_peer(answer: Any) -> Any:
    """`answer` without what `ping` tells of who asks."""
    if isinstance(answer, list):
        return [without_peer(item) for item in answer]
    if isinstance(answer, dict) and isinstance(answer.get("result"), dict):
        result = {name: value for name, value in answer["result"].items() if name not in ("ip", "role")}
        return {**answer, "result": result}
    return answer
