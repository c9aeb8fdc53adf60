"""Whose network an address is in."""

from ipaddress import ip_address

import pytest

from services.tracker.decisions.known_networks import classify_network
from shared.domain.evidence import Network


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("16.255.255.255", Network.OTHER),
        ("17.0.0.0", Network.APPLE),
        ("17.255.255.255", Network.APPLE),
        ("18.0.0.0", Network.OTHER),
        ("66.249.84.1", Network.GOOGLE),
        ("66.249.96.0", Network.OTHER),
        ("2a00:1450:4864::1", Network.GOOGLE),
        ("2a00:1450:5000::1", Network.OTHER),
        ("40.92.0.0", Network.MICROSOFT),
        ("40.93.255.255", Network.MICROSOFT),
        ("40.94.0.0", Network.OTHER),
        ("2a01:111:f400::1", Network.MICROSOFT),
        ("203.0.113.9", Network.OTHER),
        ("0.0.0.0", Network.OTHER),
        ("255.255.255.255", Network.OTHER),
        ("::1", Network.OTHER),
        ("ffff::", Network.OTHER),
    ],
)
def test_a_network_is_known_from_its_first_address_to_its_last(address: str, network: Network) -> None:
    assert classify_network(ip_address(address)) is network


def test_an_address_that_nobody_knows_is_in_no_known_network() -> None:
    assert classify_network(None) is Network.OTHER
