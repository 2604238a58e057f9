"""Which ledger a request reads: a validated one, which never changes, or one that is still open."""

from proxy.envelope import Call
from proxy.versions.own import request_in_own_version


def reads_validated_ledger(call: Call) -> bool:
    """Whether the request names a validated ledger, or one that will be: by hash, number or `validated`, or as a `tx`.

    False for `current`, `closed` and no ledger, which means `current` to rippled: a later request would get another
    result. A number may name a ledger that is not validated yet; only the result shows that.
    """
    params = request_in_own_version(call.version, call.method, call.params)
    if call.method == "tx" or isinstance(params.get("ledger_hash"), str):
        return True
    if call.method == "account_tx":
        newest = params.get("ledger_index_max")
        if type(newest) is int and newest > 0:
            return True
    ledger_index = params.get("ledger_index")
    return ledger_index == "validated" or type(ledger_index) is int
