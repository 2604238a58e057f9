"""Values of another type than expected are read as rippled reads them."""

from typing import Any

import pytest

from adapters.json_values import as_boolean, as_integer


@pytest.mark.parametrize("value", [None, False, 0, 0.0, "", [], {}])
def test_false(value: Any) -> None:
    assert as_boolean(value) is False


@pytest.mark.parametrize("value", [True, 1, -1, 0.5, "false", "0", " ", [0], {"a": None}])
def test_true(value: Any) -> None:
    assert as_boolean(value) is True


@pytest.mark.parametrize(
    ("value", "integer"),
    [
        (None, 0),
        (True, 1),
        (7, 7),
        (-1, -1),
        (2**32 - 1, 2**32 - 1),
        (3.9, 3),
        ("12", 12),
        ("-1", -1),
        ("+5", 5),
        ("0" * 5000 + "7", 7),
    ],
)
def test_integers(value: Any, integer: int) -> None:
    assert as_integer(value) == integer


@pytest.mark.parametrize(
    "value", ["", " 5", "5 ", "1_000", "0x10", "1.0", "five", "٣", "9" * 5000, 2**32, -(2**31) - 1, 1e300, [], {}]
)
def test_what_rippled_fails_on(value: Any) -> None:
    assert as_integer(value) is None
