"""The models that version 4 changes."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypeAliasType

from adapters.models.account import AccountCurrenciesSuccessResponse
from adapters.models.errors import SharedErrorToken
from adapters.models.formats import Currency, UInt32
from adapters.models.model import Absent
from adapters.models.server import (
    FeeDrops,
    FeeSuccessResponse,
    ServerInfo,
    ServerInfoLedger,
    ServerInfoSuccessResponse,
)
from adapters.models.streams import LedgerClosedMessage
from adapters.v1_v2.models.account import AccountDataV2, AccountInfoSuccessResponseV2

CommonErrorTokenV4 = TypeAliasType(
    "CommonErrorTokenV4",
    Annotated[Literal[SharedErrorToken, "outOfSync"], Field(description="Errors that any method may return.")],
)

UNCODED_ERRORS = {"outOfSync": "Not synced to the network."}


class AccountCurrenciesSuccessResponseV4(AccountCurrenciesSuccessResponse):
    receive_currencies: Absent = None
    receive: list[Currency]


class AccountDataV4(AccountDataV2):
    """An account, with its flags."""

    flags: dict[str, bool] | None = None


class AccountInfoSuccessResponseV4(AccountInfoSuccessResponseV2):
    account_flags: Absent = None
    account_data: AccountDataV4


class FeeDropsV4(FeeDrops):
    """Fees in drops."""

    base_fee: int
    median_fee: int
    minimum_fee: int
    open_ledger_fee: int


class FeeSuccessResponseV4(FeeSuccessResponse):
    ledger_current_index: Absent = None
    drops: FeeDropsV4


class ServerInfoLedgerV4(ServerInfoLedger):
    """The last validated ledger, in XRP."""

    seq: Absent = None
    ledger_index: UInt32


class ServerInfoV4(ServerInfo):
    """The state of the server."""

    validated_ledger: ServerInfoLedgerV4 | None = None


class ServerInfoSuccessResponseV4(ServerInfoSuccessResponse):
    info: ServerInfoV4


class LedgerClosedMessageV4(LedgerClosedMessage):
    txn_count: Absent = None
    transaction_count: int
