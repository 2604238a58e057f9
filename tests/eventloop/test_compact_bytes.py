"""What is retained in numbers takes the memory that it is counted with."""

import tracemalloc
from collections.abc import Callable

import orjson

from proxy.eventloop.compact_bytes import compact

COUNT = 1_000


def bytes_each(make: Callable[[], bytes]) -> float:
    tracemalloc.start()
    try:
        retained = [make() for _ in range(COUNT)]
        return tracemalloc.get_traced_memory()[0] / len(retained)
    finally:
        tracemalloc.stop()


def test_a_small_json_text_takes_little_more_than_its_length() -> None:
    value = {"ledger_index": 7, "ledger_hash": "A" * 64}
    size = len(orjson.dumps(value))
    assert compact(orjson.dumps(value)) == orjson.dumps(value)
    assert bytes_each(lambda: compact(orjson.dumps(value))) < size + 100
