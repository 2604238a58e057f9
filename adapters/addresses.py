"""Account addresses, in rippled's base 58 with a checksum (its tokens.cpp)."""

from typing import Any

import base58

_ACCOUNT_ID = (0x00, 21)


def is_address(value: Any) -> bool:
    """Whether the value is an account's address (`r…`)."""
    return _kind(value) == _ACCOUNT_ID


def _kind(value: Any) -> tuple[int, int] | None:
    """The type byte of a base 58 value, and its length in bytes; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        payload = base58.b58decode_check(value, alphabet=base58.RIPPLE_ALPHABET)
    except ValueError:
        return None
    return (payload[0], len(payload)) if payload else None
