"""What clients may request, as the tests of envelopes need it."""

from proxy.access.method_policy import MethodPolicy
from proxy.envelope import RequestPolicy
from proxy.versions.negotiation import VersionRange


def bounded(lowest: int, highest: int, **bounds: int) -> RequestPolicy:
    """Any method that is not an administrator's, in these versions."""
    return RequestPolicy(VersionRange(lowest, highest), MethodPolicy(), **bounds)


POLICY = bounded(1, 2)
