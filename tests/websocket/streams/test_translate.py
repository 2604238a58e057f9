"""What is pushed to many is rewritten once, and each version gets its own."""

import orjson

from adapters import VERSIONS
from bench.websocket_cases import recorded_transaction
from proxy.websocket.streams.translate import rewritten

ONE_ON_TWO, TWO_ON_TWO = VERSIONS.stream_pipeline(1, 2), VERSIONS.stream_pipeline(2, 2)


def pushed_again() -> bytes:
    """The same text as it comes by another connection: equal, and another object."""
    return bytes(bytearray(recorded_transaction()))


def test_sessions_of_one_version_share_the_message() -> None:
    first = rewritten(ONE_ON_TWO, pushed_again())
    assert rewritten(ONE_ON_TWO, pushed_again()) is first
    assert orjson.loads(first) == ONE_ON_TWO.rewrite(orjson.loads(recorded_transaction()))


def test_another_version_has_its_own() -> None:
    assert rewritten(TWO_ON_TWO, pushed_again()) != rewritten(ONE_ON_TWO, pushed_again())


def test_a_large_one_is_rewritten_and_not_cached() -> None:
    message = orjson.loads(recorded_transaction())
    message["filling"] = "x" * 100_000
    first = rewritten(ONE_ON_TWO, orjson.dumps(message))
    assert orjson.loads(first)["filling"] == message["filling"]
    assert rewritten(ONE_ON_TWO, orjson.dumps(message)) is not first
