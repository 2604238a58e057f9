"""How finely a body may be divided."""

from proxy.http.body_parts import has_too_small_parts


def test_a_body_may_begin_with_a_thousand_parts_of_any_size() -> None:
    assert not has_too_small_parts(1_024, 1_024)
    assert has_too_small_parts(1_025, 255)


def test_a_large_body_needs_256_bytes_for_each_further_part() -> None:
    assert not has_too_small_parts(1_024 + 4_000, 4_000 * 256)
    assert has_too_small_parts(1_024 + 4_001, 4_000 * 256)
