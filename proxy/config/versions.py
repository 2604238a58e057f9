"""The settings of the API versions: which are offered, and which are on their way out."""

import datetime
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from proxy.config.section import Section
from proxy.config.types import AllowedText, Date, DocumentUrl, Flag, Version, read_date


class SunsetSettings(Section):
    """When a version goes, and how clients are told beforehand."""

    version: Version = Field(description="the API version that goes")
    date: Date = Field(description="day from whose beginning (UTC) it cannot be counted on any more: header Sunset")
    deprecated: Annotated[datetime.date | None, AllowedText("a day as 2027-06-30, not after date, or null")] = Field(
        None, description="day since when it is advised against: header Deprecation; null sends none"
    )
    link: Annotated[
        DocumentUrl | None, AllowedText("an http:// or https:// URL, such as https://example.com/v1, or null")
    ] = Field(None, description="URL of a page that says what to do: header Link; null sends none")
    refuse: Flag = Field(False, description="whether it is refused from that date on, as versions.min would")

    @field_validator("deprecated", mode="before")
    @classmethod
    def _a_day(cls, value: object) -> object:
        return None if value is None else read_date(value)

    @field_validator("deprecated")
    @classmethod
    def _not_after_the_end(cls, value: datetime.date | None, info: ValidationInfo) -> datetime.date | None:
        end = info.data.get("date")
        if value is not None and end is not None and value > end:
            raise PydanticCustomError("sunset", "a day not after date, which is {end}", {"end": str(end)})
        return value


class VersionSettings(Section):
    """Which API versions clients may ask for."""

    min: Version = Field(1, description="lowest API version that clients may ask for")
    max: Version = Field(2, description="highest API version that clients may ask for; 3 offers the beta")
    sunset: Annotated[
        tuple[SunsetSettings, ...],
        AllowedText("a list of versions that go, each with the keys version and date, and maybe others"),
    ] = Field((), description="versions that go some day, which their clients are told with every answer")
    dry_run_refuse: Annotated[tuple[Version, ...], AllowedText("a list of API versions, such as [1]")] = Field(
        (), description="versions whose requests are only counted, as if they were refused"
    )

    @field_validator("max")
    @classmethod
    def _not_below_min(cls, value: int, info: ValidationInfo) -> int:
        lowest = info.data.get("min", value)
        if value < lowest:
            raise PydanticCustomError("out_of_order", "versions.min, which is {lowest}, or more", {"lowest": lowest})
        return value

    @field_validator("sunset")
    @classmethod
    def _one_after_the_other(cls, value: tuple[SunsetSettings, ...], info: ValidationInfo) -> tuple[object, ...]:
        if "min" in info.data and "max" in info.data:
            faults = [
                InitErrorDetails(
                    type=PydanticCustomError("sunset", "{words}", {"words": words}), loc=(place, key), input=wrong
                )
                for place, key, wrong, words in _misfits(value, info.data["min"], info.data["max"])
            ]
            if faults:
                raise ValidationError.from_exception_data("sunset", faults)
        return value


def _misfits(sunsets: tuple[SunsetSettings, ...], lowest: int, highest: int) -> Iterator[tuple[int, str, object, str]]:
    """What of *sunsets* does not go together: the place, its key, its value, and what is allowed.

    What is left must be a range again, as clients are told its two ends: so they are refused from the lowest upward.
    """
    refused = {sunset.version: sunset.date for sunset in sunsets if sunset.refuse}
    seen: set[int] = set()
    for place, sunset in enumerate(sunsets):
        version = sunset.version
        if not lowest <= version <= highest:
            yield place, "version", version, f"a version that is offered, {lowest} to {highest}"
        elif version in seen:
            yield place, "version", version, "a version of its own, and an earlier one of the list is the same"
        elif sunset.refuse and version == highest:
            yield place, "refuse", True, f"false for the highest version, {highest}: none would be left"
        elif sunset.refuse and any(lower not in refused for lower in range(lowest, version)):
            yield place, "refuse", True, f"false while the versions below {version} are not refused some day as well"
        elif sunset.refuse and any(refused[lower] > sunset.date for lower in range(lowest, version)):
            yield place, "date", str(sunset.date), "a day not before those of the lower versions"
        seen.add(version)
