"""Subscribing, over WebSocket only."""

from typing import Literal

from pydantic import Field

from adapters.models.amounts import AnyAsset
from adapters.models.errors import CommonErrorToken, ErrorResponse
from adapters.models.formats import AccountAddress, Hash256, Seconds, Truthy, UInt32
from adapters.models.method import WEBSOCKET_ONLY, Method
from adapters.models.model import Model
from adapters.models.types import BookOffer


class SubscribedHistory(Model):
    """An account whose history is sent, newest first."""

    account: AccountAddress


class SubscribedBook(Model):
    """A book of offers."""

    taker_gets: AnyAsset
    taker_pays: AnyAsset
    taker: AccountAddress | None = None
    both: Truthy | None = None
    both_sides: Truthy | None = None
    snapshot: Truthy | None = None
    domain: Hash256 | None = None


class SubscribeRequest(Model):
    streams: (
        list[
            Literal[
                "ledger",
                "server",
                "transactions",
                "transactions_proposed",
                "validations",
                "manifests",
                "consensus",
                "peer_status",
                "book_changes",
                "rt_transactions",
            ]
        ]
        | None
    ) = None
    accounts: list[AccountAddress] | None = None
    accounts_proposed: list[AccountAddress] | None = None
    rt_accounts: list[AccountAddress] | None = None
    account_history_tx_stream: SubscribedHistory | None = None
    books: list[SubscribedBook] | None = None
    url: str | None = Field(None, description="Administrators only; the URL to which the server posts messages.")
    url_username: str | None = None
    url_password: str | None = None


class SubscribeSuccessResponse(Model):
    ledger_hash: Hash256 | None = None
    ledger_index: UInt32 | None = None
    ledger_time: Seconds | None = None
    fee_base: int | None = None
    fee_ref: int | None = None
    reserve_base: int | None = None
    reserve_inc: int | None = None
    network_id: UInt32 | None = None
    validated_ledgers: str | None = None
    server_status: str | None = None
    load_base: int | None = None
    load_factor: float | None = None
    random: Hash256 | None = None
    pubkey_node: str | None = None
    hostid: str | None = None
    stand_alone: bool | None = None
    asks: list[BookOffer] | None = None
    bids: list[BookOffer] | None = None
    offers: list[BookOffer] | None = None
    warning: str | None = None


SubscriptionErrorToken = Literal[
    "actMalformed",
    "actNotFound",
    "badIssuer",
    "badMarket",
    "domainMalformed",
    "dstAmtMalformed",
    "dstIsrMalformed",
    "malformedStream",
    "noEvents",
    "srcCurMalformed",
    "srcIsrMalformed",
]


class SubscribeErrorResponse(ErrorResponse):
    error: CommonErrorToken | SubscriptionErrorToken


class UnsubscribedHistory(Model):
    """An account whose history is no longer sent."""

    account: AccountAddress
    stop_history_tx_only: bool | None = None


class UnsubscribedBook(Model):
    """A book of offers."""

    taker_gets: AnyAsset
    taker_pays: AnyAsset
    both: Truthy | None = None
    both_sides: Truthy | None = None


class UnsubscribeRequest(Model):
    streams: list[str] | None = None
    accounts: list[AccountAddress] | None = None
    accounts_proposed: list[AccountAddress] | None = None
    rt_accounts: list[AccountAddress] | None = None
    account_history_tx_stream: UnsubscribedHistory | None = None
    books: list[UnsubscribedBook] | None = None
    url: str | None = Field(None, description="Administrators only.")


class UnsubscribeSuccessResponse(Model):
    """Empty."""


class UnsubscribeErrorResponse(ErrorResponse):
    error: CommonErrorToken | SubscriptionErrorToken


METHODS = (
    Method(
        "subscribe",
        "subscription",
        "Subscribes to events. The version of a connection's last subscribe, even of a refused one, decides the form "
        "of all pushed messages.",
        WEBSOCKET_ONLY,
    ),
    Method("unsubscribe", "subscription", "Ends subscriptions.", WEBSOCKET_ONLY),
)
