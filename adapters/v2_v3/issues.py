"""Asset names, as rippled parses them (issueFromJson in its Issue.cpp, to_currency in UintTypes.cpp)."""

import re
from typing import Any

from adapters.addresses import is_address

_LETTERS = re.compile(r"[a-zA-Z0-9<>(){}\[\]|?!@#$%^&*]{3}")
_HEX = re.compile(r"[0-9a-fA-F]{40}")
_XRP = ("", "XRP", "0")
_ZERO = "0" * 40
# The codes of no currency, and of an issued currency with the letters "XRP".
_NOT_A_CURRENCY = (f"{1:040X}", f"{0x5852500000000000:040X}")


def is_issue(value: Any) -> bool:
    """Whether the value is `{"currency": "XRP"}`, or an object with another currency and its issuer's address."""
    if not isinstance(value, dict) or "mpt_issuance_id" in value:
        return False
    currency, issuer = value.get("currency"), value.get("issuer")
    if not isinstance(currency, str):
        return False
    if currency in _XRP or currency == _ZERO:
        return issuer is None
    named = _LETTERS.fullmatch(currency) or (_HEX.fullmatch(currency) and currency.upper() not in _NOT_A_CURRENCY)
    return bool(named) and is_address(issuer)
