"""What several kinds of integration tests need."""

import ssl

import pytest

from tests.sinks.certificates import Certificate, make_certificate


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Of a relay at 127.0.0.1."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server_tls(certificate: Certificate) -> ssl.SSLContext:
    return certificate.server()


@pytest.fixture
def trusting(certificate: Certificate) -> ssl.SSLContext:
    return certificate.trusting()
