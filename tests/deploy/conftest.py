"""A certificate for those who need one."""

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.installed import output_of


class Certificate(NamedTuple):
    """Files in PEM: a self-signed certificate for 127.0.0.1, good for 90 days, and its key."""

    certificate: Path
    key: Path


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("tls")
    made = Certificate(folder / "cert.pem", folder / "key.pem")
    options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    output_of("openssl", *options.split(), *names, "-out", made.certificate, "-keyout", made.key)
    return made
