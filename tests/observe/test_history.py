"""The versions' shares over time, and where they lead."""

from collections import Counter

import pytest

from proxy.observe.history import History, trend

HOUR, DAY = 3600, 86400


class Counted:
    """A clock and counts that the test sets."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0  # the beginning of an hour
        self.counts = Counter[str]()
        self.history = History(lambda: self.counts.copy(), lambda: self.now)

    def pass_time(self, seconds: float, **requests: int) -> None:
        self.now += seconds
        self.counts.update({version.removeprefix("v"): count for version, count in requests.items()})
        self.history.write()


def test_entries_of_an_hour_are_added_up_and_the_current_one_is_among_them() -> None:
    counted = Counted()
    start = counted.now
    for _ in range(14):
        counted.pass_time(300, v1=1, v2=2)
    counted.counts["2"] += 5
    assert counted.history.hours() == [
        {"time": start, "requests": {"1": 11, "2": 22}},
        {"time": start + HOUR, "requests": {"1": 3, "2": 11}},
    ]
    assert counted.history.hours()[-1]["requests"] == {"1": 3, "2": 11}  # asking changes nothing
    assert len(counted.history.entries()) == 15


def test_a_month_is_retained_and_no_more() -> None:
    counted = Counted()
    for _ in range(24 * 31):
        counted.pass_time(HOUR, v1=1)
    assert len(counted.history.hours()) == 24 * 30
    assert len(counted.history.entries()) == 289


def days(*shares: float) -> list[dict[str, object]]:
    return [
        {
            "time": 1_800_000_000.0 + number * DAY,
            "requests": {"1": round(1000 * share), "2": 1000 - round(1000 * share)},
        }
        for number, share in enumerate(shares)
    ]


def test_a_share_that_falls_reaches_zero_at_the_line_s_end() -> None:
    found = trend(days(0.5, 0.45, 0.4, 0.35, 0.3, 0.25), "1")
    assert found is not None
    assert found["per_day"] == pytest.approx(-0.05)
    assert found["zero_at"] == pytest.approx(1_800_000_000.0 + 10 * DAY)


@pytest.mark.parametrize("shares", [(0.3,) * 6, (0.1, 0.2, 0.2, 0.3, 0.3, 0.4), (0.5, 0.5, 0.5, 0.5, 0.5, 0.4999)])
def test_one_that_does_not_fall_reaches_it_never(shares: tuple[float, ...]) -> None:
    found = trend(days(*shares), "1")
    assert found is not None
    assert found["zero_at"] is None


def test_few_entries_make_no_trend_and_idle_ones_do_not_count() -> None:
    assert trend(days(0.5, 0.4, 0.3, 0.2, 0.1), "1") is None
    assert trend([*days(0.5, 0.4, 0.3), *({"time": 1.0 + n, "requests": {}} for n in range(9))], "1") is None
