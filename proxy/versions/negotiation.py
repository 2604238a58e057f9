"""Negotiation of the API version of a request (XLS-22), and the method `version`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal, Protocol

from adapters import JsonObject

DEFAULT_VERSION: Final = 1
"""The version of a request without one, as XLS-22 defines it, whatever the server offers."""

Reason = Literal["not_an_integer", "below_minimum", "above_maximum"]

_PLAIN = re.compile(r"[\w.+-]{1,20}", re.ASCII)


class Absent(Enum):
    """The type of `MISSING`, which is distinct from a JSON `null`."""

    MISSING = "absent"


MISSING: Final = Absent.MISSING
"""The `api_version` of a request that has none."""


class SupportedVersions(Protocol):
    """The API versions offered to clients now, both bounds included."""

    @property
    def min(self) -> int:
        """The lowest."""

    @property
    def max(self) -> int:
        """The highest."""


@dataclass(frozen=True, slots=True)
class VersionRange:
    """A fixed range of versions, both bounds included."""

    min: int
    max: int


class VersionRefused(ValueError):
    """The requested version is not offered."""

    def __init__(self, requested: Any, reason: Reason, versions: SupportedVersions) -> None:
        super().__init__(f"{reason}: {_shown(requested)}")
        self.requested = requested
        self.reason: Reason = reason
        needed = " an API version is an integer, and" if reason == "not_an_integer" else ""
        self.detail = (
            f"Unsupported API version{_shown(requested)}:{needed} "
            f"this server supports API versions {versions.min} to {versions.max}."
        )
        """The message that XLS-22 asks for: the requested version and both bounds."""
        self.message = f"invalid_API_version - {self.detail}"
        """The same after rippled's token, which clients test for."""


def negotiate(requested: Any, versions: SupportedVersions, default: int = DEFAULT_VERSION) -> int:
    """The version for a request whose `api_version` is the JSON value `requested`, or `MISSING`.

    Only an integer within `versions` is accepted: not `true`, not `2.0`, not `"2"`; there is no fallback to another.
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


def version_result(client_version: int, versions: SupportedVersions) -> JsonObject:
    """The result of the method `version`: the range that is offered here, whichever versions the nodes have.

    Version 1 has another form, without a range (rippled's `Version.h`).
    """
    if client_version == 1:
        return {"version": {"first": "1.0.0", "good": "1.0.0", "last": "1.0.0"}}
    return {"version": {"first": versions.min, "last": versions.max}}


def read_version_range(result: JsonObject) -> VersionRange | None:
    """The range in a node's result of `version`; None if it is not one.

    A node with version 2 reports its range as integers (XLS-22); the old form, three strings, is version 1's.
    """
    named = result.get("version")
    first, last = (named.get("first"), named.get("last")) if isinstance(named, dict) else (None, None)
    if isinstance(first, str) and isinstance(last, str):
        return VersionRange(1, 1)
    if type(first) is not int or type(last) is not int or not 1 <= first <= last:
        return None
    return VersionRange(first, last)


def _shown(requested: Any) -> str:
    """` 4`, ` "2"`: short and plain; nothing of a value that could be arbitrary text."""
    if isinstance(requested, str):
        return f' "{requested}"' if _PLAIN.fullmatch(requested) else ""
    if isinstance(requested, int) and requested.bit_length() > 64:
        return ""  # Converting it to text takes quadratic time.
    return f" {json.dumps(requested)}" if requested is None or isinstance(requested, (bool, int, float)) else ""
