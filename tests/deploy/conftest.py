"""A certificate for those who need one."""

import pytest

from tests.support.certificates import Certificate
from tests.support.installed import output_of


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("tls")
    made = Certificate(folder / "cert.pem", folder / "key.pem")
    options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    output_of("openssl", *options.split(), *names, "-out", made.certificate, "-keyout", made.key)
    return made
