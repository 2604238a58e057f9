"""The API version to use with a node, chosen from those that it reports."""

from adapters import VERSIONS
from proxy.nodes.own_requests import describe_invalid, error_of, refuses_version, result_of
from proxy.nodes.response import NodeResponse
from proxy.versions.negotiation import read_version_range

HIGHEST_VERSION = VERSIONS.newest
"""The highest API version that the proxy supports."""


def choose_version(answer: NodeResponse, newest: int) -> tuple[int | None, str]:
    """Choose the version to use from a node's response to `version`, requested at version 2.

    The lowest that the node has from `newest` on, or its highest below. A node with version 2 reports its range as
    integers (XLS-22). One with only version 1 responds in the old form, refuses the version or, if even older, does not
    have the method. Returns the version, or None and the problem.
    """
    result = result_of(answer)
    if result is None:
        return (1, "") if refuses_version(answer) else (None, describe_invalid(answer, 2))
    error = error_of(result)
    if error in ("invalid_API_version", "unknownCmd"):
        return 1, ""
    if error is not None:
        return None, f"returns {error} to version"
    versions = read_version_range(result)
    if versions is None:
        return None, "returns no range to version"
    if versions.min > HIGHEST_VERSION:
        offered = f"{versions.min} to {versions.max}"
        return (
            None,
            f"supports API versions {offered} only, and {HIGHEST_VERSION} is the highest supported here",
        )
    return min(max(versions.min, newest), versions.max), ""
