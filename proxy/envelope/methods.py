"""The methods that nodes know, and which of them may be asked a second time.

Sources: rippled `src/xrpld/rpc/detail/Handler.cpp` (its table of handlers), Clio
`src/rpc/common/impl/HandlerProvider.cpp`; older methods that a node of today no longer has are kept while it still
answers to their names.
"""

READING_METHODS = frozenset(
    {
        "account_channels",
        "account_currencies",
        "account_info",
        "account_lines",
        "account_nfts",
        "account_objects",
        "account_offers",
        "account_tx",
        "amm_info",
        "book_changes",
        "book_offers",
        "channel_verify",
        "deposit_authorized",
        "fee",
        "gateway_balances",
        "get_aggregate_price",
        "ledger",
        "ledger_closed",
        "ledger_current",
        "ledger_data",
        "ledger_entry",
        "ledger_header",
        "manifest",
        "nft_buy_offers",
        "nft_sell_offers",
        "noripple_check",
        "owner_info",
        "ping",
        "random",
        "ripple_path_find",
        "server_definitions",
        "server_info",
        "server_state",
        "simulate",  # a dry run: nothing is applied or relayed
        "transaction_entry",
        "tx",
        "tx_history",
        "tx_reduce_relay",
        "vault_info",
        "version",
        # Clio's own
        "account_mptoken_issuances",
        "account_mptokens",
        "ledger_index",
        "ledger_range",
        "mpt_holders",
        "nft_history",
        "nft_info",
        "nfts_by_issuer",
        # for administrators, and harmless
        "consensus_info",
        "peer_reservations_list",
        "peers",
        "unl_list",
        "validator_info",
        "validator_list_sites",
        "validators",
    }
)
"""Known to change nothing on the node, whatever their parameters: may be asked again when no answer came.

An allow-list: a method that nobody has looked at is not in it.
"""

SUBMITTING_METHODS = frozenset({"submit", "submit_multisigned"})
"""Hand a transaction to the network: reach a node at most once."""

_SIGNING_METHODS = frozenset({"channel_authorize", "sign", "sign_for"})
"""Carry a secret, which is not sent anywhere a second time."""

_SESSION_METHODS = frozenset({"path_find", "subscribe", "unsubscribe"})
"""Change what a connection is pushed."""

_CHANGING_METHODS = frozenset(
    {
        "blacklist",
        "can_delete",
        "connect",
        "feature",  # reads for strangers, but an administrator's may veto an amendment
        "fetch_info",  # has `clear`
        "get_counts",
        "ledger_accept",
        "ledger_cleaner",
        "ledger_request",
        "log_level",
        "logrotate",
        "peer_reservations_add",
        "peer_reservations_del",
        "print",
        "stop",
        "validation_create",
        "wallet_propose",
    }
)
"""Change the node, or may: administrators' methods, and `feature`."""

GRPC_METHODS = frozenset({"GetLedger", "GetLedgerData", "GetLedgerDiff", "GetLedgerEntry"})
"""rippled's methods over gRPC, all of which read."""

KNOWN_METHODS = (
    GRPC_METHODS | READING_METHODS | SUBMITTING_METHODS | _SIGNING_METHODS | _SESSION_METHODS | _CHANGING_METHODS
)
"""Every method of rippled and Clio: the closed set of names that a metric or a log line may carry."""
