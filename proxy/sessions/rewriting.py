"""Pushed messages rewritten once for all sessions that are pushed the same."""

from functools import lru_cache

import orjson

from adapters import StreamPipeline

_KEPT = 128
"""Messages: those of a ledger come to all sessions within moments of each other."""
_LARGEST = 32_768
"""Bytes of a message that is kept, which bounds the memory to a few megabytes."""


def rewritten(pipeline: StreamPipeline, message: bytes) -> bytes:
    """The message as the pipeline's version has it: what it is depends on nothing but its text.

    Raises what an adapter fails with on a message that is not of the shape that its version has.
    """
    return _kept(pipeline, message) if len(message) <= _LARGEST else _rewrite(pipeline, message)


def _rewrite(pipeline: StreamPipeline, message: bytes) -> bytes:
    return orjson.dumps(pipeline.rewrite(orjson.loads(message)))


_kept = lru_cache(_KEPT)(_rewrite)
