"""Methods about one account."""

from typing import ClassVar, Literal

from adapters.models.account import (
    AccountInfoRequestBase,
    AccountInfoSuccessResponseBase,
    AccountTxRequestBase,
    NorippleCheckRequestBase,
)
from adapters.models.entries import AccountRoot, SignerList
from adapters.models.errors import AccountErrorToken, ErrorResponse, LedgerErrorToken
from adapters.models.formats import Truthy
from adapters.models.model import Absent
from adapters.v1_v2.models.errors import CommonErrorTokenV1, CommonErrorTokenV2


class AccountInfoRequestV1(AccountInfoRequestBase):
    signer_lists: Truthy | None = None


class AccountInfoRequestV2(AccountInfoRequestBase):
    signer_lists: bool | None = None


class AccountDataV1(AccountRoot):
    """An account, with its signer lists."""

    signer_lists: list[SignerList] | None = None


class AccountInfoSuccessResponseV1(AccountInfoSuccessResponseBase):
    account_data: AccountDataV1
    signer_lists: Absent = None


class AccountDataV2(AccountRoot):
    """An account. Its signer lists are outside."""

    signer_lists: Absent = None


class AccountInfoSuccessResponseV2(AccountInfoSuccessResponseBase):
    account_data: AccountDataV2
    signer_lists: list[SignerList] | None = None


class AccountTxRequestV1(AccountTxRequestBase):
    """A range has precedence over a ledger in the same request, and is clamped to the ledgers that the server has."""

    binary: Truthy | None = None
    forward: Truthy | None = None


class AccountTxRequestV2(AccountTxRequestBase):
    """A range of ledgers and one ledger exclude each other; a range beyond the server's own is refused."""

    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("ledger_index_min", "ledger_index_max"),
        ("ledger_index", "ledger_hash"),
    )

    binary: bool | None = None
    forward: bool | None = None


class AccountTxErrorResponseV1(ErrorResponse):
    error: CommonErrorTokenV1 | LedgerErrorToken | AccountErrorToken | Literal["lgrIdxsInvalid"]


class AccountTxErrorResponseV2(ErrorResponse):
    error: CommonErrorTokenV2 | LedgerErrorToken | AccountErrorToken | Literal["invalidLgrRange"]


class GatewayBalancesErrorResponseV1(ErrorResponse):
    error: CommonErrorTokenV1 | LedgerErrorToken | Literal["actMalformed", "invalidHotWallet"]


class GatewayBalancesErrorResponseV2(ErrorResponse):
    error: CommonErrorTokenV2 | LedgerErrorToken | Literal["actMalformed", "actNotFound"]


class NorippleCheckRequestV1(NorippleCheckRequestBase):
    transactions: Truthy | None = None


class NorippleCheckRequestV2(NorippleCheckRequestBase):
    transactions: bool | None = None
