"""The bytes of requests in progress: bounded in total, and by equal shares once there are many."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.access.held_bytes import HeldBytes

LIMIT = 1000
_requests = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 300), st.booleans()), max_size=200)


@given(_requests)
def test_the_total_never_exceeds_twice_the_limit_and_nothing_is_left(requests: list[tuple[str, int, bool]]) -> None:
    held, taken = HeldBytes(), []
    for client, size, ends in requests:
        if held.take(client, size, LIMIT):
            taken.append((client, size))
        assert held.total == sum(size for _, size in taken) <= 2 * LIMIT
        if ends and taken:
            held.give_back(*taken.pop(0))
    for client, size in taken:
        held.give_back(client, size)
    assert held.total == 0
    assert held.take("a", LIMIT, LIMIT)


def test_one_client_with_all_places_excludes_no_other() -> None:
    held = HeldBytes()
    while held.take("attacker", 100, LIMIT):
        pass
    assert held.total == LIMIT
    assert held.take("other", 100, LIMIT)
    assert held.take("third", 300, LIMIT)
    assert not held.take("other", 450, LIMIT)
    assert not held.take("attacker", 1, LIMIT)
