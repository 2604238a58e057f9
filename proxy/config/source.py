"""The files of the configuration: read as often as needed, and watched for changes."""

import os
from pathlib import Path

from proxy.config.load import load_settings
from proxy.config.settings import Settings
from proxy.tls import Fingerprint, fingerprint


class ConfigSource:
    """The file at `path` (None: none), this process's environment, and the files of secrets that both name.

    It can be pickled, for another process.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._files: set[str] = set()
        self._read: dict[str, Fingerprint | None] = {}
        """Each file as it was when it was read."""
        self._polled: dict[str, Fingerprint | None] = {}

    def read(self) -> Settings:
        """Read the settings. Raises ConfigurationError."""
        before = self._fingerprints()
        self._files = set()
        try:
            return load_settings(self._path, os.environ, self._files)
        finally:
            # A file that changed while it was read has changed since.
            self._read = self._fingerprints() | {name: before[name] for name in self._files & before.keys()}
            self._polled = self._read

    def has_changed(self) -> bool:
        """Whether the files are others than those last read or reported; to be called regularly.

        A change is reported once, and only when the files are the same for the second time: the writer has
        finished. A link to another file, by which Kubernetes replaces all files of a volume together, is a change.
        """
        now, before = self._fingerprints(), self._polled
        self._polled = now
        if now == self._read or now != before:
            return False
        self._read = now
        return True

    def _fingerprints(self) -> dict[str, Fingerprint | None]:
        return {name: fingerprint([name]) for name in self._files}
