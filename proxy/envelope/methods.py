"""The methods of rippled and Clio: one table of everything that the proxy knows about a method.

Sources: rippled `src/xrpld/rpc/detail/Handler.cpp` (its table of handlers) and `Role.cpp`, Clio
`src/rpc/common/impl/HandlerProvider.cpp` and `src/rpc/common/impl/ForwardingProxy.cpp`. Older methods are listed for
as long as any supported node has them.

The sets below the table are derived from it. Code that treats a group of methods alike tests membership in such a set
instead of listing methods itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Server = Literal["both", "rippled", "clio"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """What is known about one method. Off is the safe default of every flag."""

    reads_only: bool = False
    """It changes nothing on the node or the network, whatever its parameters, so a second node may be tried."""
    coalescable: bool = False
    """Its result does not depend on the client, so that equal requests may share it."""
    admin: bool = False
    """rippled refuses it to everyone but its administrators."""
    admin_in_old_releases: bool = False
    """Only older releases of rippled have it, for administrators; for newer ones it is an unknown method."""
    obsolete: bool = False
    """No release that is still in use has it."""
    subscribes: bool = False
    """It changes what the node pushes to the connection."""
    finds_paths: bool = False
    """Its result and what it pushes have the `id` of the request that the node received."""
    lists_metadata: bool = False
    """Its result lists transactions with their metadata, which adapters do not look into."""
    sensitive_params: bool = False
    """Its parameters may contain a secret or an unpublished transaction: they are sent to one node only and never
    logged."""
    server: Server = "both"
    """Which node software serves it; Clio forwards to rippled what it does not have itself."""


_READ = Method(reads_only=True, coalescable=True)
_READ_RIPPLED = Method(reads_only=True, coalescable=True, server="rippled")
_READ_CLIO = Method(reads_only=True, coalescable=True, server="clio")
_ADMIN = Method(admin=True, server="rippled")
_ADMIN_READ = Method(admin=True, reads_only=True, coalescable=True, server="rippled")
_OLD_ADMIN = Method(admin_in_old_releases=True, obsolete=True, server="rippled")
_SIGN = Method(sensitive_params=True, server="rippled")
_SUBMIT = Method()  # reaches a node at most once, like everything that does not only read

METHODS: dict[str, Method] = {
    # Accounts
    "account_channels": _READ,
    "account_currencies": _READ,
    "account_info": _READ,
    "account_lines": _READ,
    "account_mptoken_issuances": _READ_CLIO,
    "account_mptokens": _READ_CLIO,
    "account_nfts": _READ,
    "account_objects": _READ,
    "account_offers": _READ,
    "account_tx": Method(reads_only=True, coalescable=True, lists_metadata=True),
    "deposit_authorized": _READ,
    "gateway_balances": _READ,
    "noripple_check": _READ,
    "owner_info": _READ_RIPPLED,
    # Ledgers and transactions
    "ledger": Method(reads_only=True, coalescable=True, lists_metadata=True),
    "ledger_closed": _READ,
    "ledger_current": _READ,
    "ledger_data": _READ,
    "ledger_entry": _READ,
    "ledger_header": _READ_RIPPLED,
    "ledger_index": _READ_CLIO,
    "ledger_range": _READ_CLIO,
    "transaction_entry": _READ,
    "tx": _READ,
    "tx_history": _READ,
    # Markets, tokens and oracles
    "amm_info": _READ,
    "book_changes": _READ,
    "book_offers": _READ,
    "get_aggregate_price": _READ,
    "mpt_holders": _READ_CLIO,
    "nft_buy_offers": _READ,
    "mptoken_issuance_history": _READ_CLIO,
    "nft_history": _READ_CLIO,
    "nft_info": _READ_CLIO,
    "nft_sell_offers": _READ,
    "nfts_by_issuer": _READ_CLIO,
    "vault_info": _READ,
    # Paths and subscriptions
    "path_find": Method(subscribes=True, finds_paths=True),
    "ripple_path_find": Method(reads_only=True, coalescable=True, finds_paths=True),
    "subscribe": Method(subscribes=True),
    "unsubscribe": Method(subscribes=True),
    # Submitting
    "simulate": Method(reads_only=True, sensitive_params=True),  # a dry run: nothing is applied or relayed
    "submit": _SUBMIT,
    "submit_multisigned": _SUBMIT,
    # Signatures
    "channel_authorize": _SIGN,
    "channel_verify": Method(reads_only=True, coalescable=True, sensitive_params=True),
    "sign": _SIGN,
    "sign_for": _SIGN,
    # The server
    "feature": Method(),  # anyone may read, but an administrator may veto an amendment with it
    "fee": _READ,
    "manifest": _READ,
    "ping": Method(reads_only=True),  # returns the client's own role and address
    "random": Method(reads_only=True),  # a number for one client only
    "server_definitions": _READ,
    "server_info": _READ,
    "server_state": _READ,
    "tx_reduce_relay": _READ_RIPPLED,
    "version": _READ,
    # For administrators
    "blacklist": _ADMIN,
    "can_delete": _ADMIN,
    "connect": _ADMIN,
    "consensus_info": _ADMIN_READ,
    "fetch_info": _ADMIN,  # has a parameter `clear`
    "get_counts": _ADMIN,
    "ledger_accept": _ADMIN,
    "ledger_cleaner": _ADMIN,
    "ledger_request": _ADMIN,
    "log_level": _ADMIN,
    "logrotate": _ADMIN,
    "peer_reservations_add": _ADMIN,
    "peer_reservations_del": _ADMIN,
    "peer_reservations_list": _ADMIN_READ,
    "peers": _ADMIN_READ,
    "print": _ADMIN,
    "shed": Method(admin=True, obsolete=True, server="rippled"),
    "stop": _ADMIN,
    "unl_list": _ADMIN_READ,
    "validation_create": _ADMIN,
    "validator_info": _ADMIN_READ,
    "validator_list_sites": _ADMIN_READ,
    "validators": _ADMIN_READ,
    "wallet_propose": _ADMIN,
    # For administrators of older releases
    "crawl_shards": _OLD_ADMIN,
    "download_shard": _OLD_ADMIN,
    "node_to_shard": _OLD_ADMIN,
    "validation_seed": _OLD_ADMIN,
}
"""Every method over JSON-RPC and WebSocket. A method that is not here is passed on and assumed to change something."""

GRPC_METHODS = frozenset({"GetLedger", "GetLedgerData", "GetLedgerDiff", "GetLedgerEntry"})
"""rippled's methods over gRPC, all of which read."""


def _methods(applies: Callable[[Method], object]) -> frozenset[str]:
    return frozenset(name for name, method in METHODS.items() if applies(method))


READING_METHODS = _methods(lambda method: method.reads_only)
"""May be retried when no response came. An allow-list: a method that has not been reviewed is not in it."""
COALESCABLE_METHODS = _methods(lambda method: method.coalescable)
"""Equal requests of several clients may share one result."""
ADMIN_METHODS = _methods(lambda method: method.admin)
"""rippled serves them to administrators only."""
OLD_ADMIN_METHODS = _methods(lambda method: method.admin_in_old_releases)
"""Only older releases of rippled have them, for administrators; newer ones answer `unknownCmd`."""
SUBSCRIPTION_METHODS = _methods(lambda method: method.subscribes)
"""Change what the node pushes to a connection."""
PATH_METHODS = _methods(lambda method: method.finds_paths)
"""Have the request's `id` in their result."""
METADATA_METHODS = _methods(lambda method: method.lists_metadata)
"""List transactions with metadata that adapters do not look into."""
RIPPLED_METHODS = _methods(lambda method: method.server == "rippled")
"""Only a rippled serves them."""
CLIO_METHODS = _methods(lambda method: method.server == "clio")
"""Only a Clio serves them."""
SENSITIVE_METHODS = _methods(lambda method: method.sensitive_params)
"""Their parameters are sent to one node only and never logged."""

COMPRESSIBLE_METHODS = COALESCABLE_METHODS - SENSITIVE_METHODS - ADMIN_METHODS
"""Their results hold no secret, so that the size of a compressed response gives none away (CVE-2013-3587)."""

KNOWN_METHODS = GRPC_METHODS | _methods(lambda method: not method.obsolete)
"""Every method that rippled and Clio have today: the closed set of names that a metric or a log line may carry."""
