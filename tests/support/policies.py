"""What clients may request, and reading a request, as the tests of envelopes need it."""

from proxy.access.method_policy import MethodPolicy
from proxy.envelope import Call, RequestPolicy, read_jsonrpc
from proxy.versions.negotiation import VersionRange


def bounded(lowest: int, highest: int, **bounds: int) -> RequestPolicy:
    """Any method that is not an administrator's, in these versions."""
    return RequestPolicy(VersionRange(lowest, highest), MethodPolicy(), **bounds)


POLICY = bounded(1, 2)


def read_call(body: str | bytes, policy: RequestPolicy = POLICY) -> Call:
    """The call in the body of a POST, which must be one that the policy allows."""
    call = read_jsonrpc(body.encode() if isinstance(body, str) else body, policy)
    assert isinstance(call, Call)
    return call
