"""Recorded responses to requests, in rippled's envelopes of JSON-RPC and WebSocket; without sockets."""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import orjson

from adapters.errors import http_status
from adapters.secrets import KEY_PARAMS
from proxy.demo.ledger_streams import ledger_state
from proxy.demo.live_answers import LiveAnswers
from proxy.demo.live_ledger import Header, LiveLedger
from proxy.demo.recorded import API_VERSIONS, Answer, Params, PortKind, Recordings, Release, cut_at_nul, recordings
from proxy.demo.streams import stream_recordings
from proxy.envelope.secrets import MASK

MAX_REQUEST_BYTES = 1_000_000
WEBSOCKET_ECHO: tuple[str, ...] = ("id", "jsonrpc", "ripplerpc", "api_version")
UNKNOWN_METHOD = Answer(error={"error": "unknownCmd", "error_code": 32, "error_message": "Unknown method."})
FORBIDDEN = Answer(error={"error": "forbidden", "error_code": 3, "error_message": "Bad credentials."})
# Codes of a batch item's refusal (rippled's ServerHandler.cpp).
METHOD_NOT_FOUND, FORBIDDEN_ITEM, WRONG_VERSION = -32601, -32605, -32606


@dataclass(frozen=True, slots=True)
class Caller:
    """The client: the address that `ping` reports, and whether a proxy forwarded it (`X-Forwarded-For`)."""

    ip: str = "127.0.0.1"
    proxied: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """A WebSocket response and the messages to push after it.

    `subscribing`: the request and its API version, if it was an accepted `subscribe` or `unsubscribe`.
    """

    message: str
    pushed: list[str] = field(default_factory=list)
    subscribing: tuple[Params, int] | None = None


class RefusedError(Exception):
    """A JSON-RPC request refused with an HTTP status and a line of text, or in a batch with a code."""

    def __init__(self, status: int, text: str, code: int = METHOD_NOT_FOUND) -> None:
        super().__init__(text)
        self.status, self.text, self.code = status, text, code


class MissError(Exception):
    """A request without a recording."""


class Replay:
    """Answers requests at the API versions in `versions` (normally one) from the recordings, and from `ledger`, whose
    ledgers follow the recorded ones once a transaction has been submitted that was not recorded.

    `misses` collects requests without a recording, as `{"method", "params"}`; `asked` counts requests by method.
    """

    def __init__(self, versions: range, port_kind: PortKind, release: Release = "rippled-2.6") -> None:
        self._versions = versions
        self._release: Release = release
        self._port_kind: PortKind = port_kind
        self.misses: deque[dict[str, Any]] = deque(maxlen=1000)
        self.asked: Counter[str] = Counter()
        self.ledger = LiveLedger(self._newest_recorded, self._find_account)
        has_v2 = len(API_VERSIONS[release]) > 1
        self.live = {each: LiveAnswers(self.ledger, each, has_v2, self._finder(each)) for each in versions}

    def load(self) -> None:
        """Read the recordings of each version, which blocks for about half a second per version, the first time."""
        for version in self._versions:
            self._recordings(version)

    def http(self, body: bytes, caller: Caller) -> tuple[int, bytes]:
        """The HTTP status and body for a JSON-RPC request's body."""
        try:
            request = _read(body)
            if request.get("method") == "batch":
                return 200, _line(self._batch(request, caller))
            return self._single(request, caller)
        except RefusedError as refusal:
            return refusal.status, f"{refusal.text}\r\n".encode()
        except MissError as miss:
            return 500, _line({"error": "replayMiss", **miss.args[0]})

    def _single(self, request: Params, caller: Caller) -> tuple[int, bytes]:
        listed = request.get("params") or [{}]
        params = listed[0] if isinstance(listed, list) else None
        version = self._version(params if isinstance(params, dict) else {})
        method = self._method(request, version)
        if not isinstance(listed, list) or len(listed) != 1 or not isinstance(params, dict | None):
            raise RefusedError(400, "params unparseable")
        envelope = self._call(method, params or {}, version, caller)
        status = 200
        if str(envelope.get("ripplerpc", "")) >= "3.0" and "error" in envelope:
            status = http_status(envelope["error"].get("error_code"))
        return status, _line(envelope)

    def _batch(self, request: Params, caller: Caller) -> list[dict[str, Any]]:
        if not isinstance(request.get("params"), list):
            raise RefusedError(400, "Malformed batch request")
        return [self._batch_item(item, caller) for item in request["params"]]

    def _batch_item(self, item: Any, caller: Caller) -> dict[str, Any]:
        try:
            if not isinstance(item, dict):
                raise RefusedError(400, "Method not found")
            nested = item.get("params")
            inner = nested[0] if isinstance(nested, list) and nested and isinstance(nested[0], dict) else {}
            version = self._version(inner if "api_version" in inner else item)
            return self._call(self._method(item, version), item, version, caller)
        except RefusedError as refusal:
            error = {"error": {"error": {"code": refusal.code, "message": refusal.text}}}
            whole = not isinstance(item, dict) or refusal.code == WRONG_VERSION
            return {**error, "request": item} if whole else {**item, **error}

    def _version(self, params: Params) -> int:
        version = params.get("api_version", 1)
        if type(version) is not int or version not in self._versions:
            raise RefusedError(400, "invalid_API_version", WRONG_VERSION)
        return version

    def _method(self, request: Params, version: int) -> str:
        method = request.get("method")
        if isinstance(method, str) and method in self._recordings(version).forbidden:
            raise RefusedError(403, "Forbidden", FORBIDDEN_ITEM)
        if method is None:
            raise RefusedError(400, "Null method")
        if not isinstance(method, str):
            raise RefusedError(400, "method is not string")
        if not method:
            raise RefusedError(400, "method is empty")
        return method

    def _call(self, method: str, params: Params, version: int, caller: Caller) -> dict[str, Any]:
        """The JSON-RPC envelope of the response: `result` or `error`, and the echoed members next to it."""
        if not isinstance(ripplerpc := params.get("ripplerpc", "1.0"), str):
            raise RefusedError(400, "ripplerpc is not a string")
        self.asked[method] += 1
        answer = self._answer(method, params, version, caller, over_http=True)
        envelope = {name: params[name] for name in ("id", "jsonrpc", "ripplerpc") if name in params}
        if answer.text is not None:
            raise RefusedError(answer.status, answer.text.strip())
        if answer.result is not None:
            return {**envelope, "result": answer.result}
        error = {**(answer.error or {}), "status": "error"}
        if ripplerpc >= "2.0":
            error["code"], error["message"] = error.get("error_code"), error.pop("error_message", None)
            return {**envelope, "error": error}
        return {**envelope, "result": {**error, "request": {**_masked(params), "command": method}}}

    def websocket(self, message: str | bytes, caller: Caller) -> Reply:
        """The response to a WebSocket message, and what a subscription pushes after it."""
        try:
            request = _read(message.encode() if isinstance(message, str) else message)
        except RefusedError:
            value = message if isinstance(message, str) else message.decode(errors="replace")
            return Reply(_text({"error": "jsonInvalid", "type": "error", "value": value}) + "\n")
        pushed: list[str] = []
        subscribing: tuple[Params, int] | None = None
        fields: dict[str, Any] = {"error": "missingCommand"}
        try:
            version = self._version(request)
            if (method := _command(request)) is not None:
                self.asked[method] += 1
                fields, pushed = self._websocket_answer(method, request, version, caller)
                if method in ("subscribe", "unsubscribe") and "error" not in fields:
                    subscribing = (request, version)
        except RefusedError as refusal:
            fields = {"error": refusal.text}
        except MissError:
            fields = {"error": "replayMiss"}
        if "error" in fields:
            fields.update(status="error", request=_masked(request))
        echoed = {name: request[name] for name in WEBSOCKET_ECHO if name in request}
        return Reply(_text({**fields, **echoed, "type": "response"}), pushed, subscribing)

    def _websocket_answer(
        self, method: str, request: Params, version: int, caller: Caller
    ) -> tuple[dict[str, Any], list[str]]:
        """A response without the echoed members (`result` and `status`, or an error's fields),
        and what is pushed.
        """
        if method == "unsubscribe":
            return {"result": {}, "status": "success"}, []
        held = self._recordings(version).websocket(method, request)
        if method == "subscribe" and (held is None or held.error is None):
            subscription = stream_recordings(version, self._release).subscribe(request)
            if subscription is None:
                self._miss(method, request)
            if self.ledger.has_begun:
                return {"result": self._live_state(subscription.result, version), "status": "success"}, []
            return {"result": subscription.result, "status": "success"}, subscription.messages
        answer = self._answer(method, request, version, caller, over_http=False)
        if answer.error is not None:
            return dict(answer.error), []
        return {"result": answer.result, "status": "success"}, []

    def _answer(self, method: str, params: Params, version: int, caller: Caller, *, over_http: bool) -> Answer:
        held = self._recordings(version)
        if params.get("method", method) != method:
            return UNKNOWN_METHOD
        if method in held.forbidden:
            return FORBIDDEN
        if method in ("version", "ping"):
            result = self._version_result(version) if method == "version" else self._ping_result(caller)
            if over_http:
                result["status"] = "success"
            return Answer(result=orjson.Fragment(orjson.dumps(result)))
        found = held.http(method, params) if over_http else held.websocket(method, params)
        if found is None or self.ledger.has_begun:
            live = self.live[version].answer(method, params)
            if live is not None:
                return _live_answer(live, over_http=over_http)
        if found is not None:
            return found
        if method in held.methods:
            self._miss(method, params)
        return UNKNOWN_METHOD

    def _live_state(self, recorded: dict[str, Any], version: int) -> dict[str, Any]:
        """The result of a `subscribe` after the recorded ledgers, which are not replayed any more then."""
        newest = self.ledger.newest.index
        if "ledger_index" not in recorded or newest not in self.ledger.closed:
            return recorded
        lowest = recorded["validated_ledgers"].split("-")[0]
        return {**recorded, **ledger_state(self.live[version].closed_ledger(newest), f"{lowest}-{newest}")}

    def _newest_recorded(self) -> Header:
        found = self._finder(self._versions[0])("ledger", {"ledger_index": "validated"})
        if found is None:
            raise LookupError("the last ledger was not recorded")
        return Header.from_json(found["ledger"])

    def _find_account(self, account: str) -> dict[str, Any] | None:
        find = self._finder(self._versions[0])
        found = find("account_info", {"account": account})
        if found is None:
            return None
        # The recorded open ledger has transactions that the next closed one will not: they count as sent, not as done.
        validated = find("account_info", {"account": account, "ledger_index": "validated"}) or found
        return {**found["account_data"], "Balance": validated["account_data"]["Balance"]}

    def _finder(self, version: int) -> Callable[[str, Params], dict[str, Any] | None]:
        """Looks up recorded results, without `status`; None for errors too."""

        def find(method: str, params: Params) -> dict[str, Any] | None:
            found = self._recordings(version).http(method, params)
            if found is None or found.result is None:
                return None
            result: dict[str, Any] = orjson.loads(orjson.dumps(found.result))
            result.pop("status", None)
            return result

        return find

    def _miss(self, method: str, params: Params) -> NoReturn:
        miss = {"method": method, "params": _masked(params)}
        self.misses.append(miss)
        raise MissError(miss)

    def _recordings(self, version: int) -> Recordings:
        return recordings(version, self._port_kind, self._release)

    def _version_result(self, version: int) -> dict[str, Any]:
        if version == 1:
            return {"version": {"first": "1.0.0", "good": "1.0.0", "last": "1.0.0"}}
        return {"version": {"first": self._versions[0], "last": self._versions[-1]}}

    def _ping_result(self, caller: Caller) -> dict[str, Any]:
        if self._port_kind == "admin":
            return {"role": "admin"}
        return {"ip": caller.ip, "role": "proxied"} if caller.proxied else {}


def _live_answer(live: dict[str, Any], *, over_http: bool) -> Answer:
    if "error" in live:
        return Answer(error=live)
    return Answer(result=orjson.Fragment(orjson.dumps({**live, "status": "success"} if over_http else live)))


def _read(body: bytes) -> dict[str, Any]:
    try:
        request = orjson.loads(body) if len(body) <= MAX_REQUEST_BYTES else None
    except orjson.JSONDecodeError as error:
        raise RefusedError(400, f"Unable to parse request: {error}") from error
    if not isinstance(request, dict) or not request:
        raise RefusedError(400, "Unable to parse request: ")
    return cut_at_nul(request) if b"\\u0000" in body else request


def _command(request: Params) -> str | None:
    """The method of a WebSocket request: `command` or `method`, both when equal; None if that is unclear."""
    named = [request[name] for name in ("command", "method") if name in request]
    clear = bool(named) and all(isinstance(name, str) for name in named) and named[0] == named[-1]
    return named[0] if clear else None


def _masked(params: Params) -> dict[str, Any]:
    return {name: MASK if name in KEY_PARAMS else value for name, value in params.items()}


def _line(answer: Mapping[str, Any] | list[dict[str, Any]]) -> bytes:
    return orjson.dumps(answer, option=orjson.OPT_SORT_KEYS) + b"\n\r\n"


def _text(message: Mapping[str, Any]) -> str:
    return orjson.dumps(message, option=orjson.OPT_SORT_KEYS).decode()
