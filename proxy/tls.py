"""A listener's certificate and key: checked before they are used, and read again when their files change."""

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from proxy.eventloop.files import fingerprint


class CertificateProblem(Exception):  # noqa: N818 - what is wrong with it, in words
    """A certificate and its key cannot be used; the message says why and what would do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate that can be shown: with when it ends (Unix time), and the context that shows it."""

    ends: float
    context: ssl.SSLContext


def inspect_certificate(certificate: str, key: str) -> Identity:
    """Read the PEM files of a certificate and its key. Raises CertificateProblem."""
    try:
        first = x509.load_pem_x509_certificates(Path(certificate).read_bytes())[0]
        Path(key).read_bytes()
    except OSError as error:
        raise CertificateProblem(f"{error.filename} cannot be read: {(error.strerror or 'failed').lower()}") from None
    except ValueError:
        raise CertificateProblem(f"{certificate} holds no certificate in PEM") from None
    ends = first.not_valid_after_utc
    if ends <= datetime.datetime.now(datetime.UTC):
        raise CertificateProblem(f"the certificate in {certificate} ended at {ends:%Y-%m-%d %H:%M} UTC")
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
    """The identity that a listener shows now."""

    def __init__(self, certificate: str, key: str) -> None:
        """Raises CertificateProblem."""
        self.files = (certificate, key)
        self._seen = fingerprint(self.files)
        self.identity = inspect_certificate(certificate, key)

    def refresh(self) -> bool:
        """Reads the files again if they have changed; says whether there is a new identity.

        Raises CertificateProblem, once for each change, where they cannot be used: the old identity stays.
        """
        seen = fingerprint(self.files)
        if seen == self._seen:
            return False
        self._seen = seen
        self.identity = inspect_certificate(*self.files)
        return True


def _no_passphrase() -> str:
    """In place of OpenSSL's question on the terminal."""
    return ""
