"""Which requests get a line: a share of the successful, all others; and the document of the log's lines."""

import re
from pathlib import Path

import pytest

from proxy.telemetry.logs import AccessLog

ROOT = Path(__file__).parent.parent.parent
DOCUMENT = (ROOT / "docs" / "logging.md").read_text()
_EVENT = re.compile(r"\blog\.(?:debug|info|warning|error|exception)\(\s*\"(\w+)\"")


def ids(count: int) -> list[str]:
    return [f"9f1c2a7b-{number}" for number in range(1, count + 1)]


@pytest.mark.parametrize("sample", [0.0, 0.01, 0.25, 1.0])
def test_about_that_share_of_the_successful_gets_a_line(sample: float) -> None:
    log = AccessLog("all", sample)
    wanted = sum(log.should_log("success", request_id) for request_id in ids(20_000)) / 20_000
    assert wanted == pytest.approx(sample, abs=0.01 if 0 < sample < 1 else 0)


def test_whatever_was_not_successful_gets_a_line_whatever_the_share() -> None:
    log = AccessLog("all", 0.0)
    for outcome in ("error", "refused", "failed"):
        assert all(log.should_log(outcome, request_id) for request_id in ids(100))
        assert not AccessLog("off", 1.0).should_log(outcome, "1")
    assert not AccessLog("errors", 1.0).should_log("success", "1")


def test_the_document_lists_every_event_of_the_source() -> None:
    sources = [path for path in (ROOT / "proxy").rglob("*.py") if not {"commands", "demo"} & set(path.parts)]
    events = {event for path in sources for event in _EVENT.findall(path.read_text())}
    assert len(events) > 20
    reported = {
        event
        for line in DOCUMENT.splitlines()
        if re.match(r"- `\w+`(?:, `\w+`)* \((?:debug|info|warning|error)\)", line)
        for event in re.findall(r"`(\w+)`", line.split("(")[0])
    }
    assert events <= reported
