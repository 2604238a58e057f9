"""Which API version a request asks for, and whether it may (XLS-22)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal, Protocol

DEFAULT_VERSION: Final = 1
"""What a request without a version is: XLS-22 fixes it, whatever the server offers."""

Reason = Literal["not_an_integer", "below_minimum", "above_maximum"]

_PLAIN = re.compile(r"[\w.+-]{1,20}", re.ASCII)


class Absent(Enum):
    """The type of `ABSENT`, which a JSON `null` must not be mistaken for."""

    MISSING = "absent"


MISSING: Final = Absent.MISSING
"""In place of a version: the request has no `api_version`."""


class SupportedVersions(Protocol):
    """The API versions offered to clients at the moment, both bounds included."""

    @property
    def min(self) -> int:
        """The lowest."""

    @property
    def max(self) -> int:
        """The highest."""


@dataclass(frozen=True, slots=True)
class VersionRange:
    """A range of versions that stays as it is."""

    min: int
    max: int


class VersionRefused(ValueError):  # noqa: N818 - what has happened, not what is wrong with us
    """The version asked for is not offered."""

    def __init__(self, requested: Any, reason: Reason, versions: SupportedVersions) -> None:
        super().__init__(f"{reason}: {_shown(requested)}")
        self.requested = requested
        self.reason: Reason = reason
        needed = " an API version is an integer, and" if reason == "not_an_integer" else ""
        self.detail = (
            f"Unsupported API version{_shown(requested)}:{needed} "
            f"this server supports API versions {versions.min} to {versions.max}."
        )
        """What XLS-22 wants a client to be told: the version asked for and both bounds."""
        self.message = f"invalid_API_version - {self.detail}"
        """The same behind what rippled says, which clients test for, as a word of its own."""


def negotiate(requested: Any, versions: SupportedVersions, default: int = DEFAULT_VERSION) -> int:
    """The version to serve a request in whose `api_version` is the JSON value `asked`, or `ABSENT`.

    Only an integer within `versions` will do: not `true`, not `2.0`, not `"2"`, and never a lower one in its place.
    Raises VersionRefused.
    """
    version = default if requested is MISSING else requested
    if type(version) is not int:
        raise VersionRefused(requested, "not_an_integer", versions)
    if version < versions.min:
        raise VersionRefused(version, "below_minimum", versions)
    if version > versions.max:
        raise VersionRefused(version, "above_maximum", versions)
    return version


def _shown(requested: Any) -> str:
    """` 4`, ` "2"`: short, plain, and nothing of a value that could hold anything."""
    if isinstance(requested, str):
        return f' "{requested}"' if _PLAIN.fullmatch(requested) else ""
    if isinstance(requested, int) and requested.bit_length() > 64:
        return ""  # Its text would take time in the square of its length.
    return f" {json.dumps(requested)}" if requested is None or isinstance(requested, (bool, int, float)) else ""
