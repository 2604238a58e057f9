"""The ledger's clock: seconds from 2000-01-01T00:00:00Z, and the same moment as ISO 8601."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def iso_time(seconds: int) -> str:
    """Seconds of the ledger's clock as `close_time_iso` writes them, e.g. `2026-11-21T07:49:15Z`."""
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def ledger_seconds(iso: str) -> int:
    """The inverse of `iso_time`."""
    return int((datetime.fromisoformat(iso) - _EPOCH).total_seconds())
