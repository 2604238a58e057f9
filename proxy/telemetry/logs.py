"""Structured log lines to stderr: one JSON object, or one line for a console, each.

Every line has
  `timestamp`  ISO 8601, UTC;  `level`  debug, info, warning, error, critical;
  `event`      what happened, a word or a short sentence;  `logger`  who says so, where that is known.
One line per request has `event` = `request` and
  `transport`       http, ws or grpc;
  `method`          a method of rippled or Clio, else `other`: whatever else a client wrote there is not logged;
  `client_version`  the API version asked for, null if it was refused;
  `node_version`    the version the node was spoken to in, null if none was asked;
  `outcome`         success, error, refused or failed, as the metrics have it;
  `error`           rippled's error token, over gRPC the name of the status; null without an error;
  `status`          the HTTP status, null by another transport;
  `duration_ms`     from the whole request to its answer;
  `peer`            the client's address, as the node is told it;
  `request_id`      the proxy's own, unique in the process;
  `node`            the name of the node that was asked, null if none.
It is of level info, warning where the outcome is `failed`.

A line never waits: it goes to a queue that a thread writes from. Where the queue is full it is dropped, and the next
line that is not has the number of those `dropped` before it. Values of secret keys are masked at any depth, should one
ever come here, and so are such pairs in the text of an exception or of a library's message.
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

from proxy.telemetry.metrics import Outcome, method_label

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["json", "console"]
Requests = Literal["all", "errors", "off"]

SECRET_KEYS = frozenset(
    {"secret", "seed", "seed_hex", "passphrase", "admin_password", "token", "authorization", "x-proxy-token"}
)
MASKED = "<masked>"

_QUEUE_LINES = 10_000
_ERROR_TOKEN = re.compile(r"[A-Za-z0-9_]{1,64}")
_SECRET_PAIR = re.compile(
    rf"""(?ix) (?<![a-z0-9]) ({"|".join(SECRET_KEYS)}) (\\?["']?\s*[:=]\s*)
    (?: "(?: [^"\\] | \\. )*"? | \\"[^"]*"? | \\?'[^']*'? | [^\s,;}}&]+ )"""
)
_USER = re.compile(r"(?i)(\b(?:https?|wss?)://)[^/\s@]*@")
# What urllib3 says of a request that fails has a URL without its host.
_URL = re.compile(r"""(?i)(\b(?:https?|wss?)://[^/\s"']+|\bwith url: )(/)[^\s"')]+""")
_END = None


class LogWriter:
    """A thread that writes lines to a file descriptor, and the bounded queue before it. Ended by `close`.

    It writes to the descriptor itself: a thread caught in a buffered stream's lock keeps the process from ending.
    """

    def __init__(self, fd: int, lines: int = _QUEUE_LINES) -> None:
        self.dropped = 0
        """Lines dropped since the last one that was taken."""
        self._fd = fd
        self._lines: queue.Queue[bytes | None] = queue.Queue(lines)
        self._thread = threading.Thread(target=self._run, name="log writer", daemon=True)
        self._thread.start()

    def write(self, line: bytes) -> None:
        """Take a line, without its line end. Never waits."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self.dropped += 1
        else:
            self.dropped = 0

    def close(self, seconds: float = 2) -> None:
        """Write what is queued, waiting at most about `seconds` for a reader that does not read."""
        try:
            self._lines.put(_END, timeout=seconds)
        except queue.Full:
            return  # the thread is a daemon, and ends with the process
        self._thread.join(seconds)

    def _run(self) -> None:
        while (line := self._lines.get()) is not _END:
            rest = line + b"\n"
            try:
                while rest:
                    rest = rest[os.write(self._fd, rest) :]
            except OSError:
                pass  # nobody reads any more: a log that cannot be written stops nothing


class _Lines:
    """What structlog calls a logger: hands each finished line to the writer."""

    def __init__(self, writer: LogWriter, name: str | None = None) -> None:
        self.name = name
        self._writer = writer

    def msg(self, line: bytes) -> None:
        self._writer.write(line)

    debug = info = warning = error = critical = exception = fatal = log = msg


class _FromLogging(logging.Handler):
    """Brings the lines of libraries, which use the standard library's logging, into the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger(record.name)
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            # A client that does not speak HTTP. The exception quotes its bytes, which may be part of a request.
            logger.debug(record.getMessage(), error=type(error).__name__)
        else:
            logger.log(record.levelno, mask_text(record.getMessage()), exc_info=record.exc_info or None)


def configure(level: Level, format: Format, fd: int = 2) -> LogWriter:  # noqa: A002 - the key's name
    """Send structlog's lines and those of `logging` to `fd` (stderr). The caller closes the writer at the end."""
    writer = LogWriter(fd)

    def say_dropped(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
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
        say_dropped,
    ]
    if format == "json":
        processors.append(_render_json)
    else:
        # The default of a console shows local variables beside a traceback, and with them whatever they hold.
        plain = structlog.dev.plain_traceback
        processors += [structlog.dev.ConsoleRenderer(colors=os.isatty(fd), exception_formatter=plain), _encode]
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
    return writer


def set_level(level: Level) -> None:
    """Log from `level` on, after `configure`."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(number))
    logging.getLogger().setLevel(number)


class AccessLog:
    """Writes the line per request: of `all`, of `errors` only (every outcome but success), or none (`off`).

    `sample`: the share of the successful ones that get a line. A request is in it or not by its id, and so a batch is
    wholly.
    """

    def __init__(self, requests: Requests, sample: float = 1.0) -> None:
        self._requests = requests
        self._sampled_below = int(sample * 2**32)
        self._log = structlog.get_logger("proxy.access")

    def should_log(self, outcome: Outcome, request_id: str) -> bool:
        """Whether a request that ended so gets a line."""
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
        """Write one line, of the fields that the module's docstring tells; `seconds` becomes `duration_ms`."""
        if not self.should_log(outcome, request_id):
            return
        write = self._log.warning if outcome == "failed" else self._log.info
        write(
            "request",
            transport=transport,
            method=method_label(method),
            client_version=client_version,
            node_version=node_version,
            outcome=outcome,
            error=error_label(error),
            status=status,
            duration_ms=round(seconds * 1000, 3),
            peer=peer,
            request_id=request_id,
            node=node,
        )


def error_label(error: str | None) -> str | None:
    """An error's token, or `other` for what does not look like one."""
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
    """Mask what follows a secret key in text, as `"secret": "…"` or `token=…`, and all of a URL but its host."""
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
