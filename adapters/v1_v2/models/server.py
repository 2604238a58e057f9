"""Methods about the server."""

from typing import Literal

from adapters.models.formats import UInt32
from adapters.models.model import Absent, Model


class VersionTextsV1(Model):
    """The versions of the API as texts, which are always the same."""

    first: Literal["1.0.0"]
    good: Literal["1.0.0"]
    last: Literal["1.0.0"]


class VersionSuccessResponseV1(Model):
    version: VersionTextsV1


class VersionNumbersV2(Model):
    """The lowest and the highest version."""

    first: UInt32
    last: UInt32
    good: Absent = None


class VersionSuccessResponseV2(Model):
    version: VersionNumbersV2
