"""Who has to wait for a turn, and who has the next one."""

import asyncio

import pytest

from proxy.access.fair_share import FairShare, ResponseDropped
from proxy.eventloop.unsent_bytes import UnsentBytes
from tests.support.garbage import no_garbage_collector


class Clock:
    """A clock that stands until a test sets it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fair_share(clock: Clock) -> FairShare:
    return FairShare(clock)


def test_cheap_requests_are_not_charged(fair_share: FairShare) -> None:
    for _ in range(1000):
        fair_share.spent("192.0.2.1", 0.0009)
    assert not fair_share.must_wait("192.0.2.1")


def test_an_address_waits_once_it_has_used_more_than_its_share(fair_share: FairShare, clock: Clock) -> None:
    fair_share.spent("192.0.2.1", 0.009)
    assert not fair_share.must_wait("192.0.2.1"), "a single expensive request is nobody's fault"
    fair_share.spent("192.0.2.1", 0.009)
    assert fair_share.must_wait("192.0.2.1")
    assert not fair_share.must_wait("192.0.2.2")
    clock.now += 0.1  # of which a tenth is its share
    assert not fair_share.must_wait("192.0.2.1")


def test_what_an_address_has_used_is_forgotten(fair_share: FairShare, clock: Clock) -> None:
    fair_share.spent("192.0.2.1", 1000.0)
    clock.now += 10
    assert not fair_share.must_wait("192.0.2.1")


def test_a_network_of_ipv6_is_one_address(fair_share: FairShare) -> None:
    fair_share.spent("2001:db8::1", 0.1)
    assert fair_share.must_wait("2001:db8::2")
    assert not fair_share.must_wait("2001:db8:0:1::1")


def test_memory_is_bounded(fair_share: FairShare) -> None:
    for number in range(11_000):
        fair_share.spent(f"10.0.{number // 256}.{number % 256}", 0.1)
    assert len(fair_share._usage) <= 10_000


async def test_turns_go_to_the_address_that_has_used_least(fair_share: FairShare) -> None:
    given: list[str] = []

    async def work(address: str) -> None:
        await fair_share.turn(address)
        given.append(address)
        fair_share.spent(address, 0.002)

    for address, used in (("192.0.2.1", 0.5), ("192.0.2.2", 0.02)):
        fair_share.spent(address, used)
    await asyncio.gather(*(work(address) for address in ["192.0.2.1"] * 3 + ["192.0.2.2"] * 3))
    assert given == ["192.0.2.2"] * 3 + ["192.0.2.1"] * 3


async def test_there_is_one_turn_in_each_round_of_the_event_loop(fair_share: FairShare) -> None:
    turns = 0

    async def work() -> None:
        nonlocal turns
        await fair_share.turn("192.0.2.1")
        turns += 1

    working = [asyncio.create_task(work()) for _ in range(20)]
    while turns < 20:
        before = turns
        await asyncio.sleep(0)
        assert turns - before <= 1
    await asyncio.gather(*working)


async def test_turns_pause_while_others_are_active(fair_share: FairShare) -> None:
    loop = asyncio.get_running_loop()
    fair_share.must_wait("192.0.2.2")
    fair_share.must_wait("192.0.2.1")

    async def work() -> float:
        await fair_share.turn("192.0.2.1")
        fair_share.spent("192.0.2.1", 0.02)
        return loop.time()

    first, second = await asyncio.gather(work(), work())
    assert second - first >= 0.039


async def test_turns_do_not_pause_without_others(fair_share: FairShare) -> None:
    async def work() -> None:
        await fair_share.turn("192.0.2.1")
        fair_share.spent("192.0.2.1", 1000)

    fair_share.must_wait("192.0.2.1")
    async with asyncio.timeout(5):
        await asyncio.gather(work(), work())


async def test_a_cancelled_waiter_delays_nobody(fair_share: FairShare) -> None:
    gone = asyncio.create_task(fair_share.turn("192.0.2.1"))
    await asyncio.sleep(0)
    gone.cancel()
    async with asyncio.timeout(5):
        await fair_share.turn("192.0.2.1")
    assert gone.cancelled()


async def test_only_an_address_that_has_used_too_much_waits_and_no_longer_than_it_may(fair_share: FairShare) -> None:
    passed = asyncio.get_running_loop().time() - 1
    fair_share.spent("192.0.2.1", 0.02)
    with pytest.raises(TimeoutError):
        await fair_share.wait_if_necessary("192.0.2.1", passed)
    await fair_share.wait_if_necessary("192.0.2.2", passed)


async def test_large_responses_are_handled_in_turns(fair_share: FairShare) -> None:
    """One address has ten responses of a megabyte to translate; another's request comes after the second of them."""
    handled: list[str] = []

    async def respond(address: str) -> None:
        await fair_share.response_turn(address, 1_000_000, is_translated=True)
        handled.append(address)

    attacking = [asyncio.create_task(respond("192.0.2.1")) for _ in range(10)]
    await asyncio.sleep(0)
    await respond("192.0.2.2")
    assert handled == ["192.0.2.1", "192.0.2.2"]
    await asyncio.gather(*attacking)


async def test_a_translation_costs_more_than_a_copy(fair_share: FairShare) -> None:
    await fair_share.response_turn("192.0.2.1", 1_000_000, is_translated=False)
    assert not fair_share.must_wait("192.0.2.1")
    await fair_share.response_turn("192.0.2.1", 1_000_000, is_translated=True)
    assert fair_share.must_wait("192.0.2.1")


async def test_responses_that_wait_are_in_the_bound_of_unsent_bytes(clock: Clock) -> None:
    """Ten responses of a megabyte wait for an address; of more than four, those that wait longest are dropped."""
    unsent = UnsentBytes(4_000_000, clock)
    fair_share = FairShare(clock, unsent_bytes=unsent)
    fair_share.spent("192.0.2.1", 1.0)
    waiting = []
    for _ in range(10):
        response = fair_share.response_turn("192.0.2.1", 1_000_000, is_translated=True)
        waiting.append(asyncio.ensure_future(response))
        clock.now += 0.001
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    dropped = [isinstance(outcome, ResponseDropped) for outcome in outcomes]
    assert 5 <= sum(dropped) <= 7
    assert unsent.total == 0


async def test_a_dropped_response_does_not_wait_for_the_garbage_collector(clock: Clock) -> None:
    """Python looks for cycles so seldom in the proxy that the large response of its caller would be there meanwhile."""
    fair_share = FairShare(clock, unsent_bytes=UnsentBytes(1_000_000, clock))
    fair_share.spent("192.0.2.1", 1.0)
    dropped = 0

    async def wait() -> None:
        nonlocal dropped
        try:
            await fair_share.response_turn("192.0.2.1", 1_000_000, is_translated=True)
        except ResponseDropped:
            dropped += 1

    with no_garbage_collector(ResponseDropped) as left:
        await asyncio.gather(wait(), wait())
        assert dropped == 1
        assert left() == 0
