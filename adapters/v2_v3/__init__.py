"""API version 2 to 3, the beta of rippled 2.x and 3.x."""

from adapters.adapter import Step, by_method
from adapters.v2_v3.amm_info import AmmInfo
from adapters.v2_v3.ledger_entry import LedgerEntry

STEP = Step(older=2, methods=by_method(AmmInfo(), LedgerEntry()), beta=True)
