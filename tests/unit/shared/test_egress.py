"""Which addresses may be called: public ones at the usual ports, allowed networks at any, metadata never."""

from ipaddress import ip_network

import pytest

from shared.domain.egress import NO_METADATA, NOT_PUBLIC, EgressRules
from tests.egress_vectors import RESOLVED, vectors

PORT = 8080
INNER = EgressRules((ip_network("10.0.0.0/8"), ip_network("127.0.0.0/8"), ip_network("fd00::/8")))
EVERYTHING = EgressRules((ip_network("0.0.0.0/0"), ip_network("::/0")))


@pytest.mark.parametrize(
    ("address", "port", "refusal"),
    [
        ("93.184.216.34", 443, None),
        ("93.184.216.34", 22, "its port must be one of 80, 443, 8080, 8443"),
        ("2606:2800:220:1::1", 80, None),
        ("64:ff9b::5db8:d822", 443, None),  # 93.184.216.34 through NAT64
        ("::ffff:93.184.216.34", 443, None),
        ("::5db8:d822", 443, NOT_PUBLIC),
        ("2002:5db8:d822::", 443, NOT_PUBLIC),
        ("10.0.0.1", 443, NOT_PUBLIC),
        ("169.254.169.254", 80, NO_METADATA),
        ("::ffff:169.254.169.254", 80, NO_METADATA),
        ("64:ff9b::a9fe:a9fe", 80, NO_METADATA),
        ("fe80::1%eth0", 80, NO_METADATA),
        ("no address", 80, NOT_PUBLIC),
    ],
)
def test_without_any_network_allowed(address: str, port: int, refusal: str | None) -> None:
    assert EgressRules().refusal_of_address(address, port) == refusal


@pytest.mark.parametrize(
    ("address", "refusal"),
    [
        ("10.1.2.3", None),
        ("::ffff:10.1.2.3", None),
        ("127.0.0.1", None),
        ("fd12::1", None),
        ("fd00:ec2::254", NO_METADATA),
        ("192.168.0.1", NOT_PUBLIC),
        ("93.184.216.34", "its port must be one of 80, 443, 8080, 8443"),
    ],
)
def test_an_allowed_network_is_called_at_any_port(address: str, refusal: str | None) -> None:
    assert INNER.refusal_of_address(address, 5432) == refusal


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "169.254.0.1", "fe80::1", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
        *("fd00:ec2::254", "::ffff:169.254.169.254", "2002:a9fe:a9fe::", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe"),
        *("::a9fe:a9fe", "2001:0:a9fe:a9fe::1", "fd00::5efe:a9fe:a9fe", "0.0.0.0", "::", "224.0.0.1", "ff02::1"),
    ],
)
def test_metadata_and_what_is_no_host_is_called_whatever_is_allowed(address: str) -> None:
    assert EVERYTHING.refusal_of_address(address, 80) is not None
    assert EVERYTHING.refusal_of_address("10.0.0.1", 80) is None


def test_a_name_with_one_bad_address_is_not_called_at_its_good_one() -> None:
    assert EgressRules().refusal_of_all(["93.184.216.34", "10.0.0.1"], 443) == NOT_PUBLIC
    assert EgressRules().refusal_of_all(["93.184.216.34", "93.184.216.35"], 443) is None


def test_localhost_is_loopback_wherever_it_may_be_called() -> None:
    assert EgressRules().refusal_of_url("http://localhost:80/") == NOT_PUBLIC
    assert INNER.refusal_of_url("http://hook.localhost:9999/") is None
    assert INNER.loopback(9999) == ["127.0.0.1"]


def test_a_port_of_a_name_is_refused_at_once_where_nothing_but_public_addresses_may_be_called() -> None:
    assert EgressRules().refusal_of_url("http://example.com:25/") == "its port must be one of 80, 443, 8080, 8443"
    assert INNER.refusal_of_url("http://example.com:25/") is None


def test_there_are_many_vectors() -> None:
    assert len(vectors(PORT)) + len(RESOLVED) >= 400


@pytest.mark.parametrize("url", vectors(PORT))
def test_a_vector_is_refused_as_it_stands(url: str) -> None:
    assert EgressRules().refusal_of_url(url) is not None
