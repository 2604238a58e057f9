"""The write batcher: small writes of one iteration of the event loop, made together."""

import asyncio

from proxy.eventloop.write_batcher import WriteBatcher


class Writer:
    """Notes that it is flushed."""

    def __init__(self, number: int, written: list[int]) -> None:
        self._number = number
        self._written = written

    def flush(self) -> None:
        self._written.append(self._number)


async def test_all_is_written_in_order_at_the_end_of_the_round() -> None:
    batcher = WriteBatcher()
    written: list[int] = []
    for number in range(5):
        batcher.add(Writer(number, written))
    assert written == []
    await asyncio.sleep(0)
    assert written == [0, 1, 2, 3, 4]


async def test_no_write_waits_for_more_than_a_few_others() -> None:
    batcher = WriteBatcher()
    written: list[int] = []
    for number in range(100):
        batcher.add(Writer(number, written))
        assert number - len(written) < 32
    await asyncio.sleep(0)
    assert written == list(range(100))
