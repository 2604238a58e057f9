"""A method of the API, apart from its models."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Transport = Literal["http", "websocket"]
BOTH_TRANSPORTS: tuple[Transport, ...] = ("http", "websocket")
WEBSOCKET_ONLY: tuple[Transport, ...] = ("websocket",)

FAMILIES: Mapping[str, str] = {
    "account": "Accounts",
    "ledger": "Ledgers",
    "transaction": "Transactions",
    "market": "Markets, paths and channels",
    "token": "Tokens",
    "server": "The server",
    "subscription": "Subscriptions",
    "admin": "Administration",
}
"""The families of methods in display order, with their display names."""


@dataclass(frozen=True, slots=True)
class Method:
    """A method. Its models are found by their names: `account_info` has AccountInfoRequest,
    AccountInfoSuccessResponse and AccountInfoErrorResponse, each with `Base` or its version (`V2`) after it.
    """

    name: str
    family: str
    doc: str
    transports: tuple[Transport, ...] = BOTH_TRANSPORTS

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise ValueError(f"{self.name}: there is no family {self.family}, only {', '.join(FAMILIES)}")

    @property
    def stem(self) -> str:
        """What the names of its models begin with: `AccountInfo`."""
        return camel_case(self.name)


def camel_case(name: str) -> str:
    """`account_info` as AccountInfo, `ledgerClosed` as LedgerClosed."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))
