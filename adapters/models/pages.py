"""The page of each method in the documentation of the XRP Ledger, where it has one."""

from collections.abc import Mapping

_ROOT = "https://xrpl.org/docs/references/http-websocket-apis/"
_FOLDERS: Mapping[str, str] = {
    "public-api-methods/account-methods": """
        account_channels account_currencies account_info account_lines account_nfts account_objects account_offers
        account_tx gateway_balances noripple_check""",
    "public-api-methods/ledger-methods": "ledger ledger_closed ledger_current ledger_data ledger_entry",
    "public-api-methods/transaction-methods": "simulate submit submit_multisigned transaction_entry tx tx_history",
    "public-api-methods/path-and-order-book-methods": """
        amm_info book_changes book_offers deposit_authorized get_aggregate_price nft_buy_offers nft_sell_offers
        path_find ripple_path_find""",
    "public-api-methods/payment-channel-methods": "channel_authorize channel_verify",
    "public-api-methods/subscription-methods": "subscribe unsubscribe",
    "public-api-methods/server-info-methods": """
        feature fee manifest server_definitions server_info server_state version""",
    "public-api-methods/clio-methods": """
        account_mptoken_issuances account_mptokens ledger_index mpt_holders mptoken_issuance_history nft_history
        nft_info nfts_by_issuer""",
    "public-api-methods/utility-methods": "ping random",
    "public-api-methods/vault-methods": "vault_info",
    "admin-api-methods/key-generation-methods": "validation_create wallet_propose",
    "admin-api-methods/logging-and-data-management-methods": """
        can_delete ledger_cleaner ledger_request log_level logrotate""",
    "admin-api-methods/peer-management-methods": """
        connect peer_reservations_add peer_reservations_del peer_reservations_list peers""",
    "admin-api-methods/server-control-methods": "ledger_accept stop",
    "admin-api-methods/signing-methods": "sign sign_for",
    "admin-api-methods/status-and-debugging-methods": """
        consensus_info fetch_info get_counts print validator_info validator_list_sites validators""",
}
_PAGES = {method: f"{_ROOT}{folder}/{method}" for folder, methods in _FOLDERS.items() for method in methods.split()}


def documentation_of(method: str) -> str | None:
    """The address of a method's page; None if it has none."""
    return _PAGES.get(method)
