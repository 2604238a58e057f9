"""API versions in the path of a URL, for clients that cannot set `api_version`: `/v2` is version 2."""

from typing import Final
from urllib.parse import urlsplit

from adapters import VERSIONS

_PATHS: Final = {
    f"/v{version}{slash}".encode(): version
    for version in range(VERSIONS.oldest, VERSIONS.newest + 1)
    for slash in ("", "/")
}


def path_version(target: bytes) -> int | None:
    """The version that a request target (RFC 9112, 3.2) sets for requests without `api_version`.

    None for every path other than those of the known versions, whether they are supported at the moment or not.
    """
    version = _PATHS.get(target)
    if version is not None or target == b"/":
        return version
    path = target.partition(b"?")[0]
    if not path.startswith(b"/"):  # the absolute form, which some proxies send
        try:
            path = urlsplit(path).path
        except ValueError:
            return None
    return _PATHS.get(path)
