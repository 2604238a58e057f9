"""Sunset of API versions: the notices that their clients get with every response, and the date of their refusal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

import orjson

from proxy.versions.negotiation import SupportedVersions

Clock = Callable[[], float]
"""Returns the Unix time in seconds."""

WARNING_ID = 3001
"""The id of the warning on WebSocket. Clio's ids start at 2001, rippled's at 1001."""


@dataclass(frozen=True, slots=True)
class Sunset:
    """`version` ends at `sunset_at` and is deprecated from `deprecated` on; both are Unix times.

    `link`: URL of instructions for clients. `refused`: whether the proxy refuses the version after its end.
    """

    version: int
    sunset_at: float
    deprecated: float | None = None
    link: str | None = None
    refused: bool = False


class DeprecationNotices:
    """The notices for clients of versions that end: headers over HTTP, a warning on WebSocket."""

    def __init__(self, sunsets: Sequence[Sunset] = ()) -> None:
        self._headers = {sunset.version: _headers(sunset) for sunset in sunsets}
        self._warnings = {sunset.version: _warning(sunset) for sunset in sunsets}
        self.any = bool(sunsets)
        """Whether any version ends."""

    def headers(self, version: int | None) -> Mapping[str, str]:
        """The headers for a client of `version`: those of RFC 9745, RFC 8594 and RFC 8288, or none."""
        return self._headers.get(version, {}) if version is not None else {}

    def with_warning(self, version: int, message: bytes) -> bytes:
        """A WebSocket response to a client of `version`, with the notice among its `warnings`, in Clio's form."""
        warning = self._warnings.get(version)
        if warning is None:
            return message
        if b'"warnings"' not in message:  # cannot be inside a string, where quotes are escaped
            return b"".join((b'{"warnings":[', warning, b"],", memoryview(message)[1:]))
        try:
            answer = orjson.loads(message)
            given = answer.get("warnings", [])
            answer["warnings"] = [*(given if isinstance(given, list) else []), orjson.Fragment(warning)]
            return orjson.dumps(answer)
        except (ValueError, TypeError):
            return message  # nested too deeply to be rewritten: the response matters more


class SunsettingRange:
    """A range of versions whose lowest are removed when their sunset is reached.

    `sunsets`: of versions from the lowest upward, without a gap, as the configuration ensures.
    """

    def __init__(self, versions: SupportedVersions, sunsets: Sequence[Sunset], clock: Clock) -> None:
        self.max = versions.max
        self._lowest = versions.min
        self._ends = sorted((sunset.sunset_at, sunset.version) for sunset in sunsets if sunset.refused)
        self._clock = clock

    @property
    def min(self) -> int:
        """The lowest version at this moment."""
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
