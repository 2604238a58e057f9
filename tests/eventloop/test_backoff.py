"""The pauses between attempts."""

import pytest

from proxy.eventloop.backoff import Backoff


def test_pauses_double_up_to_the_longest_and_begin_again_after_a_reset() -> None:
    backoff = Backoff(0.5, 3, jitter=0)
    assert [backoff.next() for _ in range(5)] == [0.5, 1, 2, 3, 3]
    assert backoff.attempts == 5
    backoff.reset()
    assert backoff.attempts == 0
    assert backoff.next() == 0.5


@pytest.mark.parametrize("jitter", [0.2, 0.5])
def test_each_pause_is_varied_by_no_more_than_its_share(jitter: float) -> None:
    pauses = [Backoff(1, 60, jitter=jitter).next() for _ in range(200)]
    assert 1 - jitter <= min(pauses) < 1 < max(pauses) <= 1 + jitter


def test_any_number_of_attempts_is_fine() -> None:
    backoff = Backoff(1, 60, jitter=0)
    for _ in range(5000):
        assert backoff.next() <= 60
