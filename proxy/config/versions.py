"""The settings of the API versions: which are supported, and which have a sunset date."""

import datetime
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from adapters import VERSIONS
from proxy.config.section import Section
from proxy.config.types import AllowedText, Date, DocumentUrl, Flag, Version
from proxy.config.units import read_date


class SunsetSettings(Section):
    """When a version ends, and what its clients are sent before that."""

    version: Version = Field(description="the API version that ends")
    date: Date = Field(description="day on which it ends, from 00:00 UTC: header Sunset")
    deprecated: Annotated[
        datetime.date | None, AllowedText("a date such as 2027-06-30 that is not after date, or null")
    ] = Field(None, description="day since which it is deprecated: header Deprecation; null sends none")
    link: Annotated[
        DocumentUrl | None, AllowedText("an http:// or https:// URL, such as https://example.com/v1, or null")
    ] = Field(None, description="URL of a page with instructions for clients: header Link; null sends none")
    refuse: Flag = Field(False, description="refuse it from that day on, as versions.min would")

    @field_validator("deprecated", mode="before")
    @classmethod
    def _a_day(cls, value: object) -> object:
        return None if value is None else read_date(value)

    @field_validator("deprecated")
    @classmethod
    def _not_after_the_end(cls, value: datetime.date | None, info: ValidationInfo) -> datetime.date | None:
        end = info.data.get("date")
        if value is not None and end is not None and value > end:
            raise PydanticCustomError("problem", "expected a day not after date ({end})", {"end": str(end)})
        return value


class VersionSettings(Section):
    """Which API versions clients may use."""

    min: Version = Field(VERSIONS.oldest, description="lowest API version that clients may use")
    max: Version = Field(
        VERSIONS.newest_stable,
        description="highest API version that clients may use; by default the newest that is not beta",
    )
    sunset: Annotated[
        tuple[SunsetSettings, ...],
        AllowedText("a list of mappings with at least the keys version and date"),
    ] = Field((), description="versions with a sunset date, which is sent to their clients with every response")
    dry_run_refuse: Annotated[tuple[Version, ...], AllowedText("a list of API versions, such as [1]")] = Field(
        (), description="versions whose requests are served, and counted as if they were refused"
    )

    @field_validator("max")
    @classmethod
    def _not_below_min(cls, value: int, info: ValidationInfo) -> int:
        lowest = info.data.get("min", value)
        if value < lowest:
            raise PydanticCustomError("problem", "expected at least versions.min ({lowest})", {"lowest": lowest})
        return value

    @field_validator("sunset")
    @classmethod
    def _one_after_the_other(cls, value: tuple[SunsetSettings, ...], info: ValidationInfo) -> tuple[object, ...]:
        if "min" in info.data and "max" in info.data:
            problems = [
                InitErrorDetails(
                    type=PydanticCustomError("problem", "{problem}", {"problem": problem}),
                    loc=(place, key),
                    input=wrong,
                )
                for place, key, wrong, problem in _conflicts(value, info.data["min"], info.data["max"])
            ]
            if problems:
                raise ValidationError.from_exception_data("sunset", problems)
        return value


def _conflicts(
    sunsets: tuple[SunsetSettings, ...], lowest: int, highest: int
) -> Iterator[tuple[int, str, object, str]]:
    """Find sunsets that contradict each other: position, key, value and problem of each.

    The remaining versions must be a range, because `version` reports its two ends: versions end from the lowest up.
    """
    refused = {sunset.version: sunset.date for sunset in sunsets if sunset.refuse}
    seen: set[int] = set()
    for place, sunset in enumerate(sunsets):
        version = sunset.version
        if not lowest <= version <= highest:
            yield place, "version", version, f"expected a supported version, {lowest} to {highest}"
        elif version in seen:
            yield place, "version", version, f"version {version} already has a sunset earlier in the list"
        elif sunset.refuse and version == highest:
            yield place, "refuse", True, f"the highest version ({highest}) cannot be refused: no version would remain"
        elif sunset.refuse and any(lower not in refused for lower in range(lowest, version)):
            yield place, "refuse", True, f"version {version} cannot be refused unless all lower versions are"
        elif sunset.refuse and any(refused[lower] > sunset.date for lower in range(lowest, version)):
            yield place, "date", str(sunset.date), "expected a day not before those of the lower versions"
        seen.add(version)
