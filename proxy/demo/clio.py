"""A demo Clio on one port, with responses from Clio's source and tests for each API version."""

import asyncio
import functools
import hashlib
import lzma
import struct

import aiohttp
import orjson
from aiohttp import web

from adapters import JsonObject
from adapters.clio import CLIO_WARNING, clio_error
from adapters.ledger_time import iso_time
from proxy.demo.ledger_streams import ledger_state
from proxy.demo.live_answers import LiveAnswers
from proxy.demo.live_ledger import Header, LiveLedger
from proxy.demo.live_streams import LiveStreams
from proxy.demo.recorded import FOLDER, Params

MIN_LEDGER, MAX_LEDGER = 20, 131
_VERSIONS = range(1, 3)
_FORWARDED_METHODS = frozenset({"fee", "ledger_closed", "ledger_current", "server_state", "submit"})
_ENVELOPE = frozenset({"api_version", "id", "command", "method"})
_FLAGS = ("accounts", "binary", "diff", "expand", "full", "owner_funds", "queue", "transactions")
_ACCOUNTS = ("rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY", "rMzP2VnvYTauuRtGxJxJ6imu2qz5WNSTwg")
"""Accounts that can pay, the same as in the recordings of rippled."""
_UNSUPPORTED_STREAMS = frozenset({"consensus", "peer_status", "server"})
_UNKNOWN = {"error": "unknownCmd", "error_code": 32, "error_message": "Unknown method."}


class Refusal(Exception):
    """A request that is refused with HTTP 400 and a line of text."""


class DemoClio:
    """A Clio of release 2.6.0 that speaks API versions 1 and 2, each as Clio does; its ledgers are made up.

    They stand still until a signed transaction is submitted, as those of `DemoNode` do.

    api_version: the one that the proxy is to use with it. Raises ValueError for others than 1 and 2.
    """

    def __init__(self, api_version: int = 2, host: str = "127.0.0.1", port: int = 0) -> None:
        if api_version not in _VERSIONS:
            raise ValueError(f"clio does not speak API version {api_version}: {', '.join(map(str, _VERSIONS))}")
        self.api_version = api_version
        self.asked: list[tuple[str, JsonObject]] = []
        self._ledger = LiveLedger(_newest, _find_account)
        self._live = {
            each: LiveAnswers(self._ledger, each, True, functools.partial(_found, each)) for each in _VERSIONS
        }
        self._streams = LiveStreams(self._ledger, self._live, has_v2=True, lowest=MIN_LEDGER)
        self._host, self._port = host, port
        self._runner: web.ServerRunner | None = None

    @property
    def http_url(self) -> str:
        """The URL for JSON-RPC."""
        return f"http://{self._host}:{self._port}"

    @property
    def websocket_url(self) -> str:
        """The same port, for WebSocket connections."""
        return f"ws://{self._host}:{self._port}"

    async def start(self) -> None:
        """Open the port. Raises OSError if it is in use."""
        self._runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._runner is not None:
            await self._runner.cleanup()
        await self._streams.stop()

    async def __aenter__(self) -> "DemoClio":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._websocket(request)
        try:
            body = self._http(await request.read())
        except Refusal as refused:
            return web.Response(status=400, text=str(refused), content_type="text/html")
        self._streams.wake()
        return web.Response(body=orjson.dumps(body), content_type="application/json")

    def _http(self, body: bytes) -> JsonObject:
        try:
            request = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise Refusal("Unable to parse JSON from the request") from None
        params = request.get("params") or [{}]
        if len(params) != 1 or not isinstance(params[0], dict):
            raise Refusal("params unparseable")
        asked, method = params[0], request.get("method")
        if not isinstance(method, str):
            raise Refusal("Null method" if method is None else "method is not string")
        version = _version(asked)
        if version is None:
            raise Refusal("invalid_API_version")
        result, is_forwarded, warnings = self._answer(method, asked, version)
        if not is_forwarded:
            ending: JsonObject = {"request": request, "status": "error"} if "error" in result else {"status": "success"}
            return {"result": {**result, **ending}, "warnings": warnings}
        return {**_forwarded(method, asked, result, over_http=True), "forwarded": True, "warnings": warnings}

    async def _websocket(self, request: web.BaseRequest) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                asked = orjson.loads(message.data)
                answer = self._message(asked)
                await socket.send_str(orjson.dumps(answer).decode())
                if "error" not in answer:
                    self._streams.handled(socket, asked, _version(asked) or 1)
                self._streams.wake()
                await asyncio.sleep(0)
        self._streams.left(socket)
        return socket

    def _message(self, request: JsonObject) -> JsonObject:
        echoed = {name: request[name] for name in ("id", "api_version") if request.get(name) is not None}
        method, version = request.get("command", request.get("method")), _version(request)
        if version is None:
            error = {"error": "invalid_API_version", "error_code": 6000, "error_message": "Invalid API version."}
            return {**error, "status": "error", "type": "response", **echoed, "request": request}
        result, is_forwarded, warnings = self._answer(str(method), request, version)
        if is_forwarded:
            message = {**_forwarded(str(method), request, result, over_http=False), "forwarded": True}
        elif "error" in result:
            message = {**result, "status": "error", "request": request}
        else:
            message = {"result": result, "status": "success"}
        return {**message, **echoed, "type": "response", "warnings": warnings}

    def _answer(self, method: str, asked: JsonObject, version: int) -> tuple[JsonObject, bool, list[JsonObject]]:
        """The result or error, whether it was forwarded from a rippled, and the warnings next to it."""
        params = {name: value for name, value in asked.items() if name not in _ENVELOPE}
        self.asked.append((method, params))
        warned = [CLIO_WARNING]
        case = _cases().get(_key(method, params))
        if case is not None:
            is_forwarded = bool(case.get("forwarded"))
            result = dict(case[f"v{version}"].get("result") or case[f"v{version}"]["error"])
            if "error" in result and not is_forwarded:
                result["type"] = "response"
            return result, is_forwarded, [*case.get("warnings", []), CLIO_WARNING]
        is_forwarded = method in _FORWARDED_METHODS or params.get("ledger_index") in ("current", "closed")
        live = self._live[version].answer(method, params)
        if live is not None:
            return live if is_forwarded or "error" not in live else {**live, "type": "response"}, is_forwarded, warned
        if method == "subscribe":
            return self._subscribed(params, version), False, warned
        if is_forwarded:
            return _of_rippled(method, params, version), True, warned
        return _own(method, params, version), False, warned

    def _subscribed(self, params: JsonObject, version: int) -> JsonObject:
        streams = params.get("streams", [])
        if not _UNSUPPORTED_STREAMS.isdisjoint(streams):
            return clio_error("notSupported")
        if "ledger" not in streams:
            return {}
        newest = self._ledger.newest.index if self._ledger.has_begun else MAX_LEDGER
        result = self._live[version].answer("ledger", {"ledger_index": newest})
        return ledger_state(result or _ledger({}, version), f"{MIN_LEDGER}-{newest}")


def _version(params: JsonObject) -> int | None:
    version = params.get("api_version", 1)
    return version if type(version) is int and version in _VERSIONS else None


def _forwarded(method: str, params: JsonObject, result: JsonObject, *, over_http: bool) -> JsonObject:
    """The response of a rippled over WebSocket, as Clio forwards it."""
    echoed: JsonObject = {name: params[name] for name in ("api_version", "id") if name in params}
    if "error" in result:
        error = {**echoed, **result, "request": {**params, "command": method}, "status": "error", "type": "response"}
        return {"result": error} if over_http else error
    inner: JsonObject = {**result, "status": "success"} if over_http else result
    return {**echoed, "result": inner, "status": "success", "type": "response"}


def _key(method: str, params: JsonObject) -> tuple[str, bytes]:
    return method, orjson.dumps(params, option=orjson.OPT_SORT_KEYS)


@functools.cache
def _cases() -> dict[tuple[str, bytes], JsonObject]:
    return {_key(case["method"], case["params"]): case for case in clio_cases()}


def clio_cases() -> list[JsonObject]:
    """Requests with Clio's result or error at each version: `{"name", "method", "params", "v1", "v2", …}`."""
    text = lzma.decompress((FOLDER / "clio" / "cases.jsonl.xz").read_bytes())
    return [orjson.loads(line) for line in text.splitlines()]


def _hash(ledger_index: int) -> str:
    return hashlib.sha256(f"ledger {ledger_index}".encode()).hexdigest().upper()


def _close_time(ledger_index: int) -> int:
    return 800_000_000 + 10 * ledger_index


def _newest() -> Header:
    return Header.from_json(_ledger({}, 2)["ledger"])


def _account(address: str) -> JsonObject | None:
    known = {"Account": address, "Balance": str(20_000_000_000), "Flags": 0, "OwnerCount": 0, "Sequence": 30}
    return {**known, "LedgerEntryType": "AccountRoot"} if address in _ACCOUNTS else None


def _find_account(address: str) -> JsonObject | None:
    found = _found(2, "account_info", {"account": address})
    return found["account_data"] if found is not None else None


def _found(version: int, method: str, params: Params) -> JsonObject | None:
    """What there is before any transaction is submitted; None for an error."""
    case = _cases().get(_key(method, dict(params)))
    if case is not None:
        result: JsonObject | None = case[f"v{version}"].get("result")
        return result
    result = (_of_rippled if method in _FORWARDED_METHODS else _own)(method, dict(params), version)
    return result if "error" not in result else None


def _of_rippled(method: str, params: JsonObject, version: int) -> JsonObject:
    if method == "account_info" and (data := _account(str(params.get("account")))) is not None:
        return {"account_data": data, "ledger_current_index": MAX_LEDGER + 1, "validated": False}
    if method == "ledger_current":
        return {"ledger_current_index": MAX_LEDGER + 1}
    if method == "ledger_closed":
        return {"ledger_hash": _hash(MAX_LEDGER), "ledger_index": MAX_LEDGER}
    if method == "ledger":
        index = MAX_LEDGER + 1
        header = {"closed": False, "ledger_index": str(index) if version == 1 else index}
        return {"ledger": header, "ledger_current_index": index, "validated": False}
    return dict(_UNKNOWN)


def _own(method: str, params: JsonObject, version: int) -> JsonObject:
    if method == "ping":
        return {}
    if method == "version":
        return {"version": {"first": 1, "last": 2, "good": 1}}
    if method == "server_info":
        return {"info": _info(), "validated": True}
    if method == "ledger":
        return _ledger(params, version)
    if method == "account_info" and (data := _account(str(params.get("account")))) is not None:
        return {"account_data": data, "ledger_hash": _hash(MAX_LEDGER), "ledger_index": MAX_LEDGER, "validated": True}
    if method == "account_tx" and isinstance(params.get("account"), str):
        history = {"ledger_index_min": MIN_LEDGER, "ledger_index_max": MAX_LEDGER, "transactions": []}
        limit = {"limit": params["limit"]} if "limit" in params else {}
        return {"account": params["account"], **history, "validated": True, **limit}
    return clio_error("unknownCmd")


def _info() -> JsonObject:
    ledger = {"age": 3, "hash": _hash(MAX_LEDGER), "seq": MAX_LEDGER, "base_fee_xrp": 1e-05}
    return {
        "complete_ledgers": f"{MIN_LEDGER}-{MAX_LEDGER}",
        "load_factor": 1,
        "uptime": 1,
        "clio_version": "2.6.0",
        "rippled_version": "2.6.1",
        "network_id": 0,
        "validation_quorum": 28,
        "validated_ledger": {**ledger, "reserve_base_xrp": 1, "reserve_inc_xrp": 0.2},
    }


def _ledger(params: JsonObject, version: int) -> JsonObject:
    if any(type(params.get(flag, False)) is not bool for flag in _FLAGS):
        return clio_error("invalidParams")
    named = params.get("ledger_index", "validated")
    index = MAX_LEDGER if named == "validated" else int(named)
    if not MIN_LEDGER <= index <= MAX_LEDGER or "ledger_hash" in params:
        return clio_error("lgrNotFound", "ledgerNotFound")
    found = {"ledger_hash": _hash(index), "ledger_index": index, "validated": True}
    if params.get("binary"):
        return {**found, "ledger": {"ledger_data": _serialised(index), "closed": True}}
    header = {
        "close_time": _close_time(index),
        "close_time_iso": iso_time(_close_time(index)),
        "closed": True,
        "ledger_hash": _hash(index),
        "ledger_index": str(index) if version == 1 else index,
        "parent_hash": _hash(index - 1),
    }
    return {**found, "ledger": header}


def _serialised(index: int) -> str:
    parent, times = bytes.fromhex(_hash(index - 1)), (_close_time(index - 1), _close_time(index))
    return struct.pack(">IQ32s32s32sIIBB", index, 10**17, parent, bytes(32), bytes(32), *times, 10, 0).hex().upper()
