"""Files that are read again when they have changed."""

from collections.abc import Iterable
from pathlib import Path

Fingerprint = tuple[tuple[int, int, int], ...]


def fingerprint(files: Iterable[str]) -> Fingerprint | None:
    """What tells one state of `files` from another, also where a link among them was changed; None without them all."""
    try:
        stats = [Path(file).stat() for file in files]
    except OSError:
        return None
    return tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in stats)
