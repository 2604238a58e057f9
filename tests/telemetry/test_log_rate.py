"""Lines that clients can cause are bounded, and those left out are counted."""

import structlog
from structlog.testing import LogCapture

from proxy.telemetry.log_rate import RateLimitedLog


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_flood_of_one_event_is_bounded_and_the_next_window_says_how_many_lines_were_left_out(
    lines: LogCapture,
) -> None:
    clock = Clock()
    log = RateLimitedLog(structlog.get_logger(), lines=3, seconds=10, clock=clock)
    for number in range(1000):
        log.warning("request_refused", number=number)
    assert [line["number"] for line in lines.entries] == [0, 1, 2]
    clock.now += 10
    log.warning("request_refused", number=1000)
    log.warning("request_refused", number=1001)
    assert [(line["number"], line.get("suppressed")) for line in lines.entries[3:]] == [(1000, 997), (1001, None)]


def test_one_event_does_not_silence_another(lines: LogCapture) -> None:
    log = RateLimitedLog(structlog.get_logger(), lines=1, clock=Clock())
    for _ in range(5):
        log.info("connection_closed", reason="slow")
        log.warning("request_refused")
    assert [(line["event"], line["log_level"]) for line in lines.entries] == [
        ("connection_closed", "info"),
        ("request_refused", "warning"),
    ]


def test_each_kind_of_an_event_has_its_own_bound(lines: LogCapture) -> None:
    log = RateLimitedLog(structlog.get_logger(), lines=1, clock=Clock())
    for kind in ("rate", "forbidden") * 3:
        log.info("request", kind, error=kind)
    assert [line["error"] for line in lines.entries] == ["rate", "forbidden"]


def test_the_number_of_events_is_bounded_too(lines: LogCapture) -> None:
    log = RateLimitedLog(structlog.get_logger(), lines=1, clock=Clock())
    for event in map(str, range(5000)):
        log.info(event)
    assert len(lines.entries) == 1001
