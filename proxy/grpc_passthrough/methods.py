"""Version and method of a gRPC call, from its path: rippled's API has the version in the package name (XLS-22)."""

import re
from dataclasses import dataclass

from proxy.versions.negotiation import VersionRange, negotiate

_PATH = re.compile(r"/org\.xrpl\.rpc\.v([1-9][0-9]{0,8})\.([A-Za-z0-9_]{1,64})/([A-Za-z0-9_]{1,64})")
SERVICE = "XRPLedgerAPIService"


@dataclass(frozen=True, slots=True)
class IdentityFields:
    """The numbers of the fields that identify the client in a request; None for a field that it does not have."""

    client_ip: int
    user: int | None = None


KNOWN: dict[str, IdentityFields] = {
    "GetLedger": IdentityFields(client_ip=5, user=6),
    "GetLedgerData": IdentityFields(client_ip=4, user=6),
    "GetLedgerDiff": IdentityFields(client_ip=4),
    "GetLedgerEntry": IdentityFields(client_ip=3),
}
"""rippled's methods, all of which only read (`include/xrpl/proto/org/xrpl/rpc/v1/*.proto`)."""


class UnknownMethod(Exception):
    """The method is not offered; the message is for the client."""


@dataclass(frozen=True, slots=True)
class ParsedPath:
    """A call of an offered method: the version of its package, the method, and its identity fields if known."""

    version: int
    method: str
    identity: IdentityFields | None


def package(version: int) -> str:
    """The package name of an API version."""
    return f"org.xrpl.rpc.v{version}"


def read_path(path: str, versions: VersionRange, also: frozenset[str]) -> ParsedPath:
    """Parse the path of a call. `also`: methods allowed in addition to rippled's.

    Raises VersionRefused for the package of a version that is not offered, and UnknownMethod.
    """
    found = _PATH.fullmatch(path)
    if found is None:
        raise UnknownMethod(f"Unknown service: this server has {package(versions.min)}.{SERVICE}.")
    version = negotiate(int(found[1]), versions)
    service, method = found[2], found[3]
    if service != SERVICE:
        raise UnknownMethod(f"Unknown service: this server has {package(version)}.{SERVICE}.")
    if method not in KNOWN and method not in also:
        offered = ", ".join(sorted(KNOWN.keys() | also))
        raise UnknownMethod(f"Unknown method {method}: this server offers {offered}.")
    return ParsedPath(version, method, KNOWN.get(method))
