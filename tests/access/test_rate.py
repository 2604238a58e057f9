"""The rate limit of one key: a burst, what comes back with time, and what may be owed."""

from proxy.access.admission import Rate


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_allowed_and_comes_back_with_time() -> None:
    clock = Clock()
    rate = Rate(10, 2, clock)
    assert [rate.allows("a", 1) for _ in range(21)] == [True] * 20 + [False]
    assert rate.allows("b", 20)
    clock.now += 0.5
    assert [rate.allows("a", 1) for _ in range(6)] == [True] * 5 + [False]
    clock.now += 60
    assert rate.allows("a", 1000)  # counts as a burst
    assert not rate.allows("a", 1)


def test_what_is_charged_may_be_owed_up_to_a_burst() -> None:
    clock = Clock()
    rate = Rate(10, 2, clock)
    assert [rate.charge("a", 1) for _ in range(41)] == [True] * 40 + [False]
    clock.now += 2  # pays the debt
    assert not rate.allows("a", 1)
    clock.now += 0.1
    assert [rate.allows("a", 1) for _ in range(2)] == [True, False]


def test_no_limit() -> None:
    rate = Rate(0, 5)
    assert all(rate.allows("a", 1000) and rate.charge("a", 1000) for _ in range(100))
