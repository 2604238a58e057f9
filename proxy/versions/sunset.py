"""Versions that go some day: what their clients are told with every answer, and from when on they are refused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

import orjson

from proxy.versions.negotiation import SupportedVersions

Clock = Callable[[], float]
"""The time of day in seconds, as Unix counts them."""

WARNING_ID = 3001
"""Of the warning on WebSocket. Clio's own begin at 2001, rippled's at 1001."""


@dataclass(frozen=True, slots=True)
class Sunset:
    """That `version` goes at `ends`, and is advised against since `deprecated`: Unix times. `link`: to what to do.

    `refused`: whether the proxy refuses it from then on.
    """

    version: int
    sunset_at: float
    deprecated: float | None = None
    link: str | None = None
    refused: bool = False


class DeprecationNotices:
    """What clients of versions that go are told with their answers: headers over HTTP, a warning on WebSocket."""

    def __init__(self, sunsets: Sequence[Sunset] = ()) -> None:
        self._headers = {sunset.version: _headers(sunset) for sunset in sunsets}
        self._warnings = {sunset.version: _warning(sunset) for sunset in sunsets}

    def headers(self, version: int | None) -> Mapping[str, str]:
        """The headers of an answer to a client of `version`: those of RFC 9745, RFC 8594 and RFC 8288, or none."""
        return self._headers.get(version, {}) if version is not None else {}

    def with_warning(self, version: int, message: bytes) -> bytes:
        """A WebSocket answer to a client of `version`, with a member of `warnings` as a Clio writes them."""
        warning = self._warnings.get(version)
        if warning is None:
            return message
        if b'"warnings"' not in message:  # also in a string it cannot be overlooked: there the quotes are escaped
            return b"".join((b'{"warnings":[', warning, b"],", memoryview(message)[1:]))
        try:
            answer = orjson.loads(message)
            given = answer.get("warnings", [])
            answer["warnings"] = [*(given if isinstance(given, list) else []), orjson.Fragment(warning)]
            return orjson.dumps(answer)
        except (ValueError, TypeError):
            return message  # nested too deeply to be written anew: the answer matters more


class SunsettingRange:
    """The range of versions that is offered, of which the lowest go at their time.

    `sunsets`: from the lowest version of the range upward, without a gap, as the configuration has seen to.
    """

    def __init__(self, versions: SupportedVersions, sunsets: Sequence[Sunset], clock: Clock) -> None:
        self.max = versions.max
        self._lowest = versions.min
        self._ends = sorted((sunset.sunset_at, sunset.version) for sunset in sunsets if sunset.refused)
        self._clock = clock

    @property
    def min(self) -> int:
        """The lowest version at the moment."""
        now = self._clock()
        gone = max((version for ends, version in self._ends if ends <= now), default=0)
        return max(self._lowest, gone + 1)


def _headers(sunset: Sunset) -> dict[str, str]:
    headers = {"Sunset": format_datetime(_moment(sunset.sunset_at), usegmt=True)}
    relations = ["sunset"]
    if sunset.deprecated is not None:
        headers["Deprecation"] = f"@{int(sunset.deprecated)}"
        relations.append("deprecation")
    if sunset.link is not None:
        headers["Link"] = ", ".join(f'<{sunset.link}>; rel="{relation}"' for relation in relations)
    return headers


def _warning(sunset: Sunset) -> bytes:
    what = "is refused" if sunset.refused else "cannot be counted on"
    more = f" See {sunset.link}" if sunset.link is not None else ""
    day = f"{_moment(sunset.sunset_at):%Y-%m-%d}"
    message = f"API version {sunset.version} {what} from {day} (UTC) on: use a later one.{more}"
    return orjson.dumps({"id": WARNING_ID, "message": message})


def _moment(time: float) -> datetime:
    return datetime.fromtimestamp(time, UTC)
