"""Which versions are served, and the errors for the others."""

from typing import Any

import pytest

from proxy.versions.negotiation import MISSING, VersionRange, VersionRefused, negotiate

VERSIONS = VersionRange(1, 2)


def refused(asked: Any, versions: VersionRange = VERSIONS) -> VersionRefused:
    with pytest.raises(VersionRefused) as caught:
        negotiate(asked, versions)
    return caught.value


@pytest.mark.parametrize("asked", [1, 2])
def test_a_version_within_the_range_is_served(asked: int) -> None:
    assert negotiate(asked, VERSIONS) == asked


def test_without_a_version_it_is_the_first() -> None:
    assert negotiate(MISSING, VERSIONS) == 1
    assert negotiate(MISSING, VersionRange(1, 3), default=2) == 2


def test_without_a_version_the_first_must_be_offered() -> None:
    assert refused(MISSING, VersionRange(2, 3)).reason == "below_minimum"


@pytest.mark.parametrize("asked", [None, True, False, "2", "", 2.0, 1.5, [], [2], {}, {"api_version": 2}])
def test_only_an_integer_is_a_version(asked: Any) -> None:
    assert refused(asked).reason == "not_an_integer"


@pytest.mark.parametrize(("asked", "reason"), [(0, "below_minimum"), (-1, "below_minimum"), (3, "above_maximum")])
def test_an_integer_out_of_range_is_no_lower_version(asked: int, reason: str) -> None:
    assert refused(asked).reason == reason


def test_the_error_names_the_requested_version_and_both_bounds() -> None:
    assert refused(4).detail == "Unsupported API version 4: this server supports API versions 1 to 2."
    assert refused(4, VersionRange(2, 3)).detail.endswith("this server supports API versions 2 to 3.")
    assert refused("two").detail == (
        'Unsupported API version "two": an API version is an integer, and this server supports API versions 1 to 2.'
    )
    assert "version null:" in refused(None).detail
    assert "version true:" in refused(True).detail


def test_over_http_it_begins_with_the_word_that_clients_test_for() -> None:
    refusal = refused(4)
    assert refusal.message.split()[0] == "invalid_API_version"
    assert refusal.message.endswith(refusal.detail)


@pytest.mark.parametrize(
    "asked",
    [10**100_000, -(10**100_000), "x" * 100_000, "sEdSecretSeed\r\nX: y", {"secret": "sEdSecret"}, ["sEdSecret"]],
    ids=["large", "small", "long", "lines", "object", "array"],
)
def test_hostile_values_are_not_repeated(asked: Any) -> None:
    refusal = refused(asked)
    for text in (str(refusal), refusal.detail, refusal.message):
        assert len(text) < 200
        assert "sEdSecret" not in text
        assert "\n" not in text
