"""Pushed messages, rewritten once for all sessions that get the same."""

from functools import lru_cache

import orjson
import structlog

from adapters import MISSHAPEN, StreamPipeline
from proxy.telemetry.log_rate import RateLimitedLog

log = RateLimitedLog(structlog.get_logger(__name__))

_KEPT = 128
"""Most cached messages: those of a ledger reach all sessions within moments of each other."""
_LARGEST = 32_768
"""Most bytes of a cached message, which bounds the memory to a few megabytes."""


def translate_pushed(pipeline: StreamPipeline, message: bytes, stream: str, node: str) -> tuple[bytes, bool]:
    """The message in the pipeline's version, and whether that required rewriting.

    One that does not have the shape of its version is returned unchanged. `stream` and `node` are for the log.
    """
    if pipeline.may_rewrite(message):
        try:
            return rewritten(pipeline, message), True
        except MISSHAPEN as error:
            log.warning("stream_message_invalid", node, node=node, stream=stream, problem=type(error).__name__)
    return message, False


def rewritten(pipeline: StreamPipeline, message: bytes) -> bytes:
    """The message in the pipeline's version, which depends only on its text.

    Raises what an adapter raises for a message that does not have the shape of its version.
    """
    return _cached(pipeline, message) if len(message) <= _LARGEST else _rewrite(pipeline, message)


def _rewrite(pipeline: StreamPipeline, message: bytes) -> bytes:
    return orjson.dumps(pipeline.rewrite(orjson.loads(message)))


_cached = lru_cache(_KEPT)(_rewrite)
