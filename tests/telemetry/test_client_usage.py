"""What is remembered of clients: for how long, of how many, and by whom it cannot be pushed out."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.telemetry.client_usage import OTHERS, ClientIdentity, ClientUsage

ALICE = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"
HOUR = 3600


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def remembering(hours: int = 24, most: int = 100) -> tuple[ClientUsage, Clock]:
    clock = Clock()
    return ClientUsage("full", hours, most, (), clock), clock


def test_a_client_is_forgotten_after_the_configured_hours() -> None:
    callers, clock = remembering(hours=2)
    callers.record(ClientIdentity("a"), "http", 1, "tx")
    clock.now += 1.5 * HOUR
    callers.record(ClientIdentity("a"), "http", 2, "fee")
    callers.record(ClientIdentity("b"), "http", 2, "fee")
    assert [seen.caller.address for seen in callers.recent()] == ["b", "a"]
    clock.now += HOUR
    assert [{use.version for use, _ in seen.uses_since(callers.oldest())} for seen in callers.recent()] == [{2}, {2}]
    clock.now += 1.1 * HOUR
    assert callers.recent() == []
    assert callers.evicted == 0


def test_the_longest_unseen_is_evicted() -> None:
    callers, _ = remembering(most=2)
    for address in ("a", "b", "a", "c"):
        callers.record(ClientIdentity(address), "http", 1, "fee")
    assert [seen.caller.address for seen in callers.recent()] == ["c", "a"]
    assert callers.evicted == 1


def test_one_address_with_ever_new_names_evicts_no_other() -> None:
    callers, _ = remembering()
    callers.record(ClientIdentity("192.0.2.1", "old"), "http", 1, "tx")
    for number in range(500):
        callers.record(ClientIdentity("198.51.100.1", f"invented/{number}"), "http", 1, f"invented_{number}")
    seen = callers.recent()
    assert seen[-1].caller.agent == "old"
    assert len(seen) == 22
    (others,) = (one for one in seen if one.caller.agent == OTHERS)
    assert sum(use.requests for use in others.uses.values()) == 480


def test_one_ipv6_network_with_ever_new_addresses_evicts_no_other() -> None:
    callers, _ = remembering(most=50)
    callers.record(ClientIdentity("192.0.2.1", "old"), "http", 1, "tx")
    for number in range(500):
        callers.record(ClientIdentity(f"2001:db8:1:2::{number:x}", "new"), "http", 2, "tx")
    seen = callers.recent()
    assert callers.evicted == 0
    assert seen[-1].caller.agent == "old"
    assert seen[0].caller == ClientIdentity("2001:db8:1:2::/64", OTHERS)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.text(max_size=3), st.integers(0, 40)), max_size=200))
def test_never_more_than_allowed_and_counted_right(asked: list[tuple[str, str, int]]) -> None:
    callers, clock = remembering(hours=1, most=5)
    for address, agent, minutes in asked:
        clock.now += minutes * 60
        callers.record(ClientIdentity(address, agent), "ws", 1, "tx")
        seen = callers.recent()
        assert len(seen) <= 5
        assert (seen[0].caller.address, seen[0].caller.agent) == (address, agent)
        assert all(clock.now - use.last <= HOUR for one in seen for _, use in one.uses_since(callers.oldest()))
