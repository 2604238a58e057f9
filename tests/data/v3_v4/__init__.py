"""API version 3 to 4, an imaginary one: what a test adds to a copy of the tree, and nothing else."""

from adapters.adapter import Step, by_method

from .account_currencies import AccountCurrencies
from .account_info import AccountInfo
from .errors import Errors
from .fee import Fee
from .server_info import ServerInfo
from .streams import Streams

STEP = Step(
    older=3,
    methods=by_method(AccountCurrencies(), AccountInfo(), Fee(), ServerInfo()),
    errors=Errors(),
    streams=Streams(),
    beta=True,
)
