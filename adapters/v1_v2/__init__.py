"""API version 1 to 2, as rippled 2.0 and Clio 2.0 introduced it."""

from adapters.adapter import Step, by_method
from adapters.v1_v2.account_info import AccountInfo
from adapters.v1_v2.account_tx import AccountTx
from adapters.v1_v2.channel_authorize import ChannelAuthorize
from adapters.v1_v2.gateway_balances import GatewayBalances
from adapters.v1_v2.ledger import Ledger
from adapters.v1_v2.ledger_data import LedgerData
from adapters.v1_v2.ledger_entry import LedgerEntry
from adapters.v1_v2.ledger_header import LedgerHeader
from adapters.v1_v2.ledger_request import LedgerRequest
from adapters.v1_v2.nft_history import MptokenIssuanceHistory, NftHistory
from adapters.v1_v2.noripple_check import NoRippleCheck
from adapters.v1_v2.peers import Peers
from adapters.v1_v2.signing import Sign, SignFor, Submit, SubmitMultisigned
from adapters.v1_v2.streams import Streams
from adapters.v1_v2.sync_errors import SyncErrors
from adapters.v1_v2.transaction_entry import TransactionEntry
from adapters.v1_v2.tx import Tx
from adapters.v1_v2.tx_history import TxHistory

STEP = Step(
    older=1,
    methods=by_method(
        AccountInfo(),
        AccountTx(),
        ChannelAuthorize(),
        GatewayBalances(),
        Ledger(),
        LedgerData(),
        LedgerEntry(),
        LedgerHeader(),
        LedgerRequest(),
        MptokenIssuanceHistory(),
        NftHistory(),
        NoRippleCheck(),
        Peers(),
        Sign(),
        SignFor(),
        Submit(),
        SubmitMultisigned(),
        TransactionEntry(),
        Tx(),
        TxHistory(),
    ),
    errors=SyncErrors(),
    streams=Streams(),
)
