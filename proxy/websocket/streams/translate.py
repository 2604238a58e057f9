"""Pushed messages rewritten once for all sessions that are pushed the same."""

from functools import lru_cache

import orjson
import structlog

from adapters import StreamPipeline

log = structlog.get_logger(__name__)

# What an adapter fails with on a message that is not of the shape that its version has.
_MISSHAPEN = (AttributeError, IndexError, KeyError, TypeError, ValueError)

_KEPT = 128
"""Messages: those of a ledger come to all sessions within moments of each other."""
_LARGEST = 32_768
"""Bytes of a message that is cached, which bounds the memory to a few megabytes."""


def translate_pushed(pipeline: StreamPipeline, message: bytes, stream: str, node: str) -> tuple[bytes, bool]:
    """The message as the pipeline's version has it, and whether that took rewriting.

    One that is not of the shape that its version has comes back as it is. `stream` and `node` are for the log.
    """
    if pipeline.may_rewrite(message):
        try:
            return rewritten(pipeline, message), True
        except _MISSHAPEN as error:
            log.warning("stream_message_invalid", node=node, stream=stream, problem=type(error).__name__)
    return message, False


def rewritten(pipeline: StreamPipeline, message: bytes) -> bytes:
    """The message as the pipeline's version has it: what it is depends on nothing but its text.

    Raises what an adapter fails with on a message that is not of the shape that its version has.
    """
    return _cached(pipeline, message) if len(message) <= _LARGEST else _rewrite(pipeline, message)


def _rewrite(pipeline: StreamPipeline, message: bytes) -> bytes:
    return orjson.dumps(pipeline.rewrite(orjson.loads(message)))


_cached = lru_cache(_KEPT)(_rewrite)
