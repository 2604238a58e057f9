"""TLS: certificates of listeners, checked before use and reloaded when their files change; verification of nodes."""

import datetime
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

Fingerprint = tuple[tuple[int, int, int], ...]


class CertificateProblem(Exception):
    """A certificate and its key cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A valid certificate: when it expires (Unix time), and the context that presents it."""

    ends: float
    context: ssl.SSLContext


def inspect_certificate(certificate: str, key: str) -> Identity:
    """Read the PEM files of a certificate and its key, which needs the extra `tls`. Raises CertificateProblem."""
    from cryptography import x509  # 11 MB that only listeners with TLS need

    try:
        first = x509.load_pem_x509_certificates(Path(certificate).read_bytes())[0]
        Path(key).read_bytes()
    except OSError as error:
        raise CertificateProblem(f"{error.filename} cannot be read: {(error.strerror or 'failed').lower()}") from None
    except ValueError:
        raise CertificateProblem(f"{certificate} holds no certificate in PEM") from None
    ends = first.not_valid_after_utc
    if ends <= datetime.datetime.now(datetime.UTC):
        raise CertificateProblem(f"the certificate in {certificate} expired at {ends:%Y-%m-%d %H:%M} UTC")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    except (ssl.SSLError, OSError, ValueError) as error:
        mismatch = getattr(error, "reason", None) == "KEY_VALUES_MISMATCH"
        words = "belongs to another certificate" if mismatch else "holds no private key in PEM without a passphrase"
        raise CertificateProblem(f"{key} {words}") from None
    return Identity(ends.timestamp(), context)


class Certificate:
    """The certificate that a listener presents."""

    def __init__(self, certificate: str, key: str) -> None:
        """Raises CertificateProblem."""
        self.files = (certificate, key)
        self._seen = fingerprint(self.files)
        self.identity = inspect_certificate(certificate, key)

    def refresh(self) -> bool:
        """Read the files again if they have changed; return whether there is a new identity.

        Raises CertificateProblem, once for each change, if they cannot be used: the old identity stays.
        """
        seen = fingerprint(self.files)
        if seen == self._seen:
            return False
        self._seen = seen
        self.identity = inspect_certificate(*self.files)
        return True


def _no_passphrase() -> str:
    """Keep OpenSSL from prompting for a passphrase on the terminal."""
    return ""


def node_tls(ca: str | None, verify: bool) -> ssl.SSLContext:
    """Return the TLS settings for connections to a node, HTTP and WebSocket alike.

    `ca`: a file of CA certificates in PEM, None for those of the system. Without `verify` any certificate is accepted.
    Raises OSError if the file cannot be read.
    """
    context = ssl.create_default_context(cafile=ca)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def fingerprint(files: Iterable[str]) -> Fingerprint | None:
    """Return a value that changes when one of `files`, or a link to it, does; None unless all of them exist."""
    try:
        stats = [Path(file).stat() for file in files]
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return None
    return tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in stats)
