"""Recorded responses of real servers, looked up by method and parameters."""

import base64
import functools
import lzma
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from adapters import VERSIONS, step_folder
from proxy.demo.paging import page, whole_history
from proxy.envelope.methods import ADMIN_METHODS

PortKind = Literal["public", "admin"]
Release = str
"""Which server was recorded: `rippled-1.12`, `rippled-2.6` (2.6.1), `xrpld-3.3` (3.3.0-b0), or the one in the folder of
a step, by the name of that (`v3_v4`).
"""
Params = Mapping[str, Any]
Question = tuple[str, bytes]

FOLDER = Path(__file__).parent / "recordings"

_STEP_FOLDERS: Mapping[Release, Path] = {
    step.name: folder for step in VERSIONS.steps if (folder := step_folder(step) / "recordings").is_dir()
}

# Members of the envelope, which do not affect the response.
ENVELOPE = frozenset({"api_version", "id", "jsonrpc", "ripplerpc", "command", "method"})


@dataclass(frozen=True, slots=True)
class Answer:
    """A recorded response, without what depends on the request's envelope (`request`, `id`, `api_version`, …).

    Exactly one of `text` (a refusal's line, with the HTTP `status`), `result` (a success's, ready as bytes) and
    `error` (an error's fields: `error`, `error_code`, … and those next to them) is there.
    """

    status: int = 200
    text: str | None = None
    result: orjson.Fragment | None = None
    error: dict[str, Any] | None = None


def read_lines(name: str, release: Release = "rippled-2.6") -> Iterator[dict[str, Any]]:
    """The entries of a release's recording `name` (such as `exchanges.jsonl.xz`), one after the other."""
    path = _folder(release) / name
    if path.exists():
        with lzma.open(path, "rb") as lines:
            yield from map(orjson.loads, lines)


def _folder(release: Release) -> Path:
    return _STEP_FOLDERS.get(release, FOLDER / release)


def _recorded_versions(release: Release) -> range:
    """The versions in which a step's server was recorded: the same for every exchange."""
    first = next(read_lines("exchanges.jsonl.xz", release))
    versions = [int(version) for version in first["http"] if version != "none"]
    return range(min(versions), max(versions) + 1)


def read_streams(release: Release = "rippled-2.6") -> dict[str, Any]:
    """The stream messages of a release, by subscription and version (`accounts/2`); empty if not recorded."""
    path = _folder(release) / "streams.json.xz"
    text = lzma.decompress(path.read_bytes()) if path.exists() else b"{}"
    streams: dict[str, Any] = orjson.loads(text)
    return streams


API_VERSIONS: Mapping[Release, range] = {
    "rippled-1.12": range(1, 2),
    "rippled-2.6": range(1, 4),
    "xrpld-3.3": range(1, 4),
    **{release: _recorded_versions(release) for release in _STEP_FOLDERS},
}
"""The API versions that each release speaks."""


def question(method: str, params: Params) -> Question:
    """The key under which a response is stored: `params` without its envelope, in one order."""
    asked = {name: value for name, value in params.items() if name not in ENVELOPE}
    return method, orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)


def _http_answer(status: int, body: Any) -> Answer:
    """From a recorded HTTP body, `{"result": …}`, an error's `{"error": …}` (ripplerpc 2.0) or a line of text."""
    if isinstance(body, str):
        return Answer(status=status, text=body)
    if "error" in body:
        error = {name: value for name, value in body["error"].items() if name not in ("code", "message", "status")}
        return Answer(error={**error, "error_message": body["error"]["message"]})
    result = body["result"]
    if result.get("status") != "error":
        return Answer(result=orjson.Fragment(orjson.dumps(result)))
    return Answer(error={name: value for name, value in result.items() if name not in ("request", "status")})


def _websocket_answer(message: dict[str, Any]) -> Answer:
    if message["status"] != "error":
        return Answer(result=orjson.Fragment(orjson.dumps(message["result"])))
    dropped = ENVELOPE | {"request", "status", "type"}
    return Answer(error={name: value for name, value in message.items() if name not in dropped})


class Recordings:
    """All responses of a release at one API version, on one kind of port; `recordings()` gives them, read once."""

    def __init__(self, version: int, port_kind: PortKind, release: Release = "rippled-2.6") -> None:
        self._release: Release = release
        self._http: dict[Question, Answer] = {}
        self._websocket: dict[Question, Answer] = {}
        self._names: set[str] = set()
        self.methods: set[str] = set()
        self.forbidden = set(ADMIN_METHODS if port_kind == "public" else ())
        # An administrator may also do what everybody may, so the public port's responses follow the admin port's.
        ports = ("public",) if port_kind == "public" else ("admin", "public")
        names = ("exchanges.jsonl.xz", "support.jsonl.xz")
        entries = [entry for name in names for entry in _at_version(name, version, release)]
        for port in ports:
            for entry in entries:
                if entry["port"] == port:
                    self._index(entry, fallback=port != port_kind)
        if port_kind == "public":
            self._keep_raw(version)

    def _index(self, entry: dict[str, Any], fallback: bool) -> None:
        method, params = entry["method"], entry["params"] or {}
        key = question(method, params)
        http: Answer = entry["http"]
        if fallback and http.status == 403:
            return
        self.methods.add(method)
        self._names.update(params)
        self._http.setdefault(key, http)
        if entry["websocket"] is not None:
            self._websocket.setdefault(key, entry["websocket"])

    def _keep_raw(self, version: int) -> None:
        """Add responses that only the requests recorded as bytes have.

        Errors are stored for every version, although each was recorded at one: none of those there (a malformed
        account, stream or parameter) differs in another version.
        """
        own_first = sorted(_raw_answers(self._release), key=lambda raw: raw[0] != version)
        for asked_version, transport, method, params, answer in own_first:
            if asked_version == version or answer.error is not None:
                table = self._http if transport == "http" else self._websocket
                table.setdefault(question(method, params), answer)

    def http(self, method: str, params: Params) -> Answer | None:
        """The response to a JSON-RPC request; None if there is no recording."""
        return self._find(self._http, method, params)

    def websocket(self, method: str, params: Params) -> Answer | None:
        """The response to a WebSocket request; None if there is no recording."""
        return self._find(self._websocket, method, params)

    def ledgers(self) -> dict[int, dict[str, Any]]:
        """By index, the results of `ledger` for each closed ledger with its transactions expanded."""
        found: dict[int, dict[str, Any]] = {}
        for (method, params), answer in self._http.items():
            if method != "ledger" or answer.result is None:
                continue
            asked = orjson.loads(params)
            index = asked.get("ledger_index")
            if type(index) is int and asked == {"ledger_index": index, "transactions": True, "expand": True}:
                found[index] = orjson.loads(orjson.dumps(answer.result))
        return found

    def _find(self, table: Mapping[Question, Answer], method: str, params: Params) -> Answer | None:
        """Look up exactly these parameters, then without those that change nothing.

        These are rippled's defaults (false, null, `strict`), which client libraries send explicitly, and names that no
        recorded request of any method has: rippled ignores unknown names.
        """
        if (found := table.get(question(method, params))) is not None:
            return found
        bare = {n: v for n, v in params.items() if v is not False and v is not None and n != "strict"}
        if (found := table.get(question(method, bare))) is not None:
            return found
        known = {n: v for n, v in bare.items() if n in self._names}
        if (found := table.get(question(method, known))) is not None:
            return found
        return _page(table, known) if method == "account_tx" else None


def _page(table: Mapping[Question, Answer], params: Params) -> Answer | None:
    """An `account_tx` page that was not recorded; None if it does not follow from one that was."""
    history = whole_history(params)
    whole = table.get(question("account_tx", history)) if history is not None else None
    if whole is None or whole.result is None:
        return None
    result = page(orjson.loads(orjson.dumps(whole.result)), params)
    return Answer(result=orjson.Fragment(orjson.dumps(result))) if result is not None else None


def _at_version(name: str, version: int, release: Release) -> Iterator[dict[str, Any]]:
    """The entries of an exchanges file in `version`, with their responses; `websocket` may be None."""
    for entry in read_lines(name, release):
        if str(version) not in entry["http"]:
            continue
        http, websocket = entry["http"][str(version)], entry["ws"].get(str(version))
        entry["http"] = _http_answer(http["status"], http["body"])
        entry["websocket"] = _websocket_answer(websocket) if websocket is not None else None
        yield entry


@functools.cache
def _raw_answers(release: Release) -> list[tuple[int, str, str, Params, Answer]]:
    """From `raw.jsonl.xz`: version, transport, method, parameters and response of every valid request."""
    found: list[tuple[int, str, str, Params, Answer]] = []
    for entry in read_lines("raw.jsonl.xz", release):
        transport = entry["id"].split("/")[0]
        for params, asked, answered in _raw_pairs(entry, transport):
            method = asked.get("command") or asked["method"]
            version = params.get("api_version", 1)
            answer = _websocket_answer(answered) if transport == "ws" else _http_answer(200, answered)
            if answer.error is None or answer.error["error"] != "unknownCmd":
                found.append((version, transport, method, cut_at_nul(params), answer))
    return found


def _raw_pairs(entry: dict[str, Any], transport: str) -> Iterator[tuple[Params, dict[str, Any], dict[str, Any]]]:
    """The parameters, request and response in a raw entry: several for a batch, none for a malformed request."""
    try:
        asked = orjson.loads(base64.b64decode(entry["body_b64"]))
        answered = orjson.loads(entry.get("text") or entry.get("data") or "")
    except orjson.JSONDecodeError:
        return
    batch = isinstance(answered, list)
    for one, answer in zip(asked["params"], answered, strict=True) if batch else [(asked, answered)]:
        error = answer.get("error")
        if "result" in answer or "error_code" in (error if isinstance(error, dict) else answer):
            yield one if batch or transport == "ws" else (one.get("params") or [{}])[0], one, answer


def cut_at_nul(value: Any) -> Any:
    """`value` with every string cut at its first NUL, like rippled's C strings."""
    if isinstance(value, str):
        return value.split("\0", 1)[0]
    if isinstance(value, list):
        return [cut_at_nul(item) for item in value]
    if isinstance(value, dict):
        return {cut_at_nul(name): cut_at_nul(item) for name, item in value.items()}
    return value


@functools.cache
def recordings(version: int, port_kind: PortKind, release: Release = "rippled-2.6") -> Recordings:
    """A release's recordings of `version` on a `port_kind` port: read once, in about half a second, then shared."""
    return Recordings(version, port_kind, release)
