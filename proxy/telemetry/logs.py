"""Structured log lines to stderr: each one a JSON object, or a line for a console.

Every line has
  `timestamp`  ISO 8601, UTC;  `level`  debug, info, warning, error, critical;
  `event`      what happened, a word or a short sentence;  `logger`  the module that logged it, if known.
The line of a request has `event` = `request` and
  `transport`       http, ws or grpc;
  `method`          a method of rippled or Clio, else `other`: other text that a client sent as method is not logged;
  `client_version`  the API version of the request, null if it was refused;
  `node_version`    the API version used with the node, null if no node was involved;
  `outcome`         success, error, refused or failed, as in the metrics;
  `error`           rippled's error token, over gRPC the name of the status; null without an error;
  `status`          the HTTP status, null for other transports;
  `duration_ms`     from receiving the complete request to its response;
  `peer`            the client's address, as forwarded to the node;
  `request_id`      the proxy's own, unique across processes;
  `node`            the name of the node, null if no node was involved.
Its level is info, or warning if the outcome is `failed`.

Logging never blocks: lines go to a queue that a thread writes from. If the queue is full, lines are dropped, and the
next line has the number of them as `dropped`. Values of secret keys are masked at any depth, as are such pairs in the
text of an exception or of a library's message.
"""

import logging
import os
import queue
import re
import threading
import zlib
from collections.abc import Mapping
from typing import Any, Literal

import orjson
import structlog
from aiohttp.http_exceptions import HttpProcessingError
from structlog.typing import EventDict, Processor, WrappedLogger

from proxy.envelope.secrets import SECRETS
from proxy.telemetry.log_rate import RateLimitedLog
from proxy.telemetry.metrics import Outcome, method_label

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["json", "console"]
Requests = Literal["all", "errors", "off"]

SECRET_KEYS = frozenset(SECRETS) | {"token", "authorization", "x-proxy-token"}
MASKED = "<masked>"

_QUEUE_LINES = 10_000
_ERROR_TOKEN = re.compile(r"[A-Za-z0-9_]{1,64}")
_SECRET_PAIR = re.compile(
    rf"""(?ix) (?<![a-z0-9]) ({"|".join(sorted(SECRET_KEYS))}) (\\?["']?\s*[:=]\s*)
    (?: "(?: [^"\\] | \\. )*"? | \\"[^"]*"? | \\?'[^']*'? | [^\s,;}}&]+ )"""
)
_USER = re.compile(r"(?i)(\b(?:https?|wss?)://)[^/\s@]*@")
# urllib3 reports a failed request by its URL without the host.
_URL = re.compile(r"""(?i)(\b(?:https?|wss?)://[^/\s"']+|\bwith url: )(/)[^\s"')]+""")
_END = None


class LogWriter:
    """A thread that writes lines to a file descriptor from a bounded queue. Ended by `close`.

    It writes to the descriptor directly: a thread that holds a buffered stream's lock would keep the process from
    exiting.
    """

    def __init__(self, fd: int, lines: int = _QUEUE_LINES) -> None:
        self.dropped = 0
        """Lines dropped since the last one that was queued."""
        self.fd = fd
        self._lines: queue.Queue[bytes | None] = queue.Queue(lines)
        self._thread = threading.Thread(target=self._run, name="log writer", daemon=True)
        self._thread.start()

    def write(self, line: bytes) -> None:
        """Queue a line, given without its line end. Never blocks."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self.dropped += 1
        else:
            self.dropped = 0

    def close(self, seconds: float = 2) -> None:
        """Write what is queued; wait at most about `seconds` if the reader does not read."""
        try:
            self._lines.put(_END, timeout=seconds)
        except queue.Full:
            return  # the thread is a daemon: it ends with the process
        self._thread.join(seconds)

    def _run(self) -> None:
        while (line := self._lines.get()) is not _END:
            rest = line + b"\n"
            try:
                while rest:
                    rest = rest[os.write(self.fd, rest) :]
            except OSError:
                pass  # the reader is gone: a log that cannot be written must not stop the proxy


class _Lines:
    """structlog's logger: passes each rendered line to the writer."""

    def __init__(self, writer: LogWriter, name: str | None = None) -> None:
        self.name = name
        self._writer = writer

    def msg(self, line: bytes) -> None:
        self._writer.write(line)

    debug = info = warning = error = critical = exception = fatal = log = msg


class _FromLogging(logging.Handler):
    """Logs the lines of libraries that use the standard library's logging in the same format."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger(record.name)
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            # Invalid HTTP from a client. The exception quotes its bytes, which may be part of a request.
            logger.debug(record.getMessage(), error=type(error).__name__)
        else:
            logger.log(record.levelno, mask_text(record.getMessage()), exc_info=record.exc_info or None)


def configure(level: Level, format: Format, fd: int = 2) -> LogWriter:  # noqa: A002 - the key's name
    """Send the lines of structlog and of `logging` to `fd` (stderr). The caller closes the writer at exit."""
    writer = LogWriter(fd)
    use(writer, level, format)
    return writer


def use(writer: LogWriter, level: Level, format: Format) -> None:  # noqa: A002 - the key's name
    """Log to `writer` with this level and in this format from now on."""

    def add_dropped(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        if writer.dropped:
            event["dropped"] = writer.dropped
        return event

    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_logger_name,
        structlog.processors.format_exc_info,
        mask_secrets,
        add_dropped,
    ]
    if format == "json":
        processors.append(_render_json)
    else:
        # The console renderer's default adds local variables to a traceback, and they may hold secrets.
        plain = structlog.dev.plain_traceback
        processors += [structlog.dev.ConsoleRenderer(colors=os.isatty(writer.fd), exception_formatter=plain), _encode]
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *names: _Lines(writer, *names),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if not isinstance(handler, _FromLogging)] + [_FromLogging()]
    root.setLevel(number)


def set_level(level: Level) -> None:
    """Change the log level."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(number))
    logging.getLogger().setLevel(number)


class AccessLog:
    """Writes one line per request: for `all`, for `errors` only (every outcome but success), or none (`off`).

    `sample`: the share of successful requests that are logged. The request id decides, so that a batch is logged as a
    whole or not at all. Of the requests that the proxy refuses, which clients can cause without end, only the first few
    in 10 seconds are logged for each reason; the next line has `suppressed`, the number of those left out.
    """

    def __init__(self, requests: Requests, sample: float = 1.0) -> None:
        self._requests = requests
        self._sampled_below = int(sample * 2**32)
        self._log = structlog.get_logger("proxy.access")
        self._refused_log = RateLimitedLog(self._log)

    def should_log(self, outcome: Outcome, request_id: str) -> bool:
        """Whether a request with this outcome is logged."""
        if outcome != "success":
            return self._requests != "off"
        return self._requests == "all" and (
            self._sampled_below == 2**32 or zlib.crc32(request_id.encode()) < self._sampled_below
        )

    def request(
        self,
        *,
        transport: str,
        method: str,
        client_version: int | None,
        node_version: int | None,
        outcome: Outcome,
        error: str | None,
        status: int | None,
        seconds: float,
        peer: str,
        request_id: str,
        node: str | None,
    ) -> None:
        """Write one line with the fields in the module's docstring; `seconds` becomes `duration_ms`."""
        if not self.should_log(outcome, request_id):
            return
        fields = {
            "transport": transport,
            "method": method_label(method),
            "client_version": client_version,
            "node_version": node_version,
            "outcome": outcome,
            "error": error_label(error),
            "status": status,
            "duration_ms": round(seconds * 1000, 3),
            "peer": peer,
            "request_id": request_id,
            "node": node,
        }
        if outcome == "refused":
            self._refused_log.info("request", str(fields["error"]), **fields)
        elif outcome == "failed":
            self._log.warning("request", **fields)
        else:
            self._log.info("request", **fields)


def error_label(error: str | None) -> str | None:
    """The error token, or `other` for text that does not look like one."""
    return error if error is None or _ERROR_TOKEN.fullmatch(error) else "other"


def mask_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Mask the values of secret keys at any depth, and secret pairs in an exception's text (a structlog processor)."""
    for key, value in event.items():
        if key.lower() in SECRET_KEYS:
            event[key] = MASKED
        elif key == "exception":
            event[key] = mask_text(str(value))
        elif isinstance(value, Mapping | list | tuple):
            event[key] = _masked(value, 20)
    return event


def mask_text(text: str) -> str:
    """Mask the value after a secret key in text, as in `"secret": "…"` or `token=…`, and all of a URL but its host."""
    return _SECRET_PAIR.sub(rf"\1\2{MASKED}", _URL.sub(rf"\1\2{MASKED}", _USER.sub(rf"\1{MASKED}@", text)))


def _masked(value: object, depth: int) -> object:
    if depth == 0:
        return "…"
    if isinstance(value, Mapping):
        return {
            key: MASKED if str(key).lower() in SECRET_KEYS else _masked(inner, depth - 1)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_masked(inner, depth - 1) for inner in value]
    return value


def _add_logger_name(logger: WrappedLogger, _: str, event: EventDict) -> EventDict:
    if logger.name is not None:
        event["logger"] = logger.name
    return event


def _render_json(_: WrappedLogger, __: str, event: EventDict) -> bytes:
    try:
        return _dump(event)
    except TypeError:  # an integer beyond 64 bits, half a surrogate pair: not worth losing the line
        return _dump({key: _dumpable(value) for key, value in event.items()})


def _dump(value: object) -> bytes:
    return orjson.dumps(value, default=repr, option=orjson.OPT_NON_STR_KEYS)


def _dumpable(value: object) -> object:
    try:
        _dump(value)
    except TypeError:
        return ascii(value)
    return value


def _encode(_: WrappedLogger, __: str, line: Any) -> bytes:
    return str(line).encode(errors="backslashreplace")
