"""The method `version`, which the proxy answers itself: behind it the range that it serves is the range there is."""

from adapters import JsonObject
from proxy.versions.negotiation import SupportedVersions


def version_result(client_version: int, versions: SupportedVersions) -> JsonObject:
    """The result of `version`: v1 has a form of its own, which says nothing of a range (rippled's Version.h)."""
    if client_version == 1:
        return {"version": {"first": "1.0.0", "good": "1.0.0", "last": "1.0.0"}}
    return {"version": {"first": versions.min, "last": versions.max}}
