"""A certificate and its key, as files."""

from pathlib import Path
from typing import NamedTuple


class Certificate(NamedTuple):
    """Files in PEM: a self-signed certificate for 127.0.0.1, good for 90 days, and its key."""

    certificate: Path
    key: Path
