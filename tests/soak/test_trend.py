"""Whether memory grows, judged on made-up samples."""

import asyncio
import random

import pytest

from tests.soak.clients import Found
from tests.soak.nodes import SoakNode, Submissions
from tests.soak.soak import check_submitted
from tests.soak.trend import JUDGED_FROM, MemoryTrend

HOUR = 3600.0


def _trend(kilobytes_per_hour: float, seconds: float = HOUR, spikes: int = 0) -> MemoryTrend:
    chance = random.Random(1)
    trend = MemoryTrend(allowed=20_000)
    for number in range(121):
        at = seconds * number / 120
        spike = 100_000 if number % 10 < spikes else 0
        trend.samples.append((at, round(540_000 + kilobytes_per_hour * at / HOUR + chance.uniform(0, 7000) + spike)))
    return trend


def test_memory_that_stays_is_flat() -> None:
    assert _trend(0).is_flat
    assert "flat" in list(_trend(0).lines())[-1]


@pytest.mark.parametrize("leak", [30_000, 300_000])
def test_memory_that_grows_is_a_fault(leak: int) -> None:
    trend = _trend(leak)
    assert trend.growth == pytest.approx(leak, rel=0.1)
    assert "NOT flat" in list(trend.lines())[-1]
    found = Found(memory=trend)
    found.judge_memory()
    assert "memory grows under load" in found.faults[0]


def test_a_leak_is_found_among_large_responses_and_these_alone_are_none() -> None:
    assert _trend(0, spikes=3).is_flat
    assert not _trend(40_000, spikes=3).is_flat


def test_memory_that_becomes_less_is_flat() -> None:
    assert _trend(-100_000).is_flat


def test_a_short_run_is_not_judged() -> None:
    short = _trend(10_000_000, seconds=JUDGED_FROM / 2)
    assert not short.is_judged
    assert "too short" in list(short.lines())[-1]
    found = Found(memory=short)
    found.judge_memory()
    assert not found.faults


def test_not_more_than_twenty_samples_or_so_are_printed() -> None:
    assert 20 <= len(list(_trend(0).lines())) <= 22


async def test_samples_are_taken_under_load_only() -> None:
    taken = asyncio.Event()

    def read() -> int:
        taken.set()
        return 5

    trend = MemoryTrend(0)
    async with trend.watching(0.05, read):
        await taken.wait()
    count = len(trend.samples)
    assert count
    await asyncio.sleep(0.01)
    assert len(trend.samples) == count
    assert not list(MemoryTrend(0).lines())


def test_what_is_submitted_twice_to_any_two_nodes_is_a_fault() -> None:
    submissions = Submissions()
    nodes = [SoakNode(2, False, random.Random(1), submissions) for _ in range(2)]
    for node, blob in zip(nodes, ("one", "two"), strict=True):
        node.submissions.add(blob)
    found = Found()
    check_submitted(submissions, found)
    assert not found.faults
    nodes[1].submissions.add("one")
    check_submitted(submissions, found)
    assert found.faults
