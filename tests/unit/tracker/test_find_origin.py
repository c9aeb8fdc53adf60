"""Where a request came from, proxies of ours or of others before it."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracker.decisions.find_origin import MOST_HOPS, find_origin

OURS = tuple(map(ip_network, ("10.0.0.0/8", "fd00::/8")))


@pytest.mark.parametrize(
    ("peer", "forwarded", "origin"),
    [
        pytest.param("203.0.113.9", [], "203.0.113.9", id="no proxy"),
        pytest.param("203.0.113.9", ["17.1.2.3"], "203.0.113.9", id="a stranger who says he is a proxy"),
        pytest.param("10.0.0.7", ["203.0.113.9"], "203.0.113.9", id="our proxy"),
        pytest.param("10.0.0.7", ["17.1.2.3, 203.0.113.9"], "203.0.113.9", id="our proxy, and what a stranger told it"),
        pytest.param("10.0.0.7", ["17.1.2.3", "203.0.113.9"], "203.0.113.9", id="in two headers"),
        pytest.param("10.0.0.7", ["203.0.113.9,10.9.9.9 , 10.8.8.8"], "203.0.113.9", id="several proxies of ours"),
        pytest.param("10.0.0.7", ["10.0.0.9"], "10.0.0.9", id="somebody at home"),
        pytest.param("10.0.0.7", [], "10.0.0.7", id="our proxy itself"),
        pytest.param("fd00::7", ["2001:db8::9"], "2001:db8::9", id="the new kind of address"),
        pytest.param(
            "::ffff:10.0.0.7", ["::ffff:203.0.113.9"], "203.0.113.9", id="the old kind in the form of the new"
        ),
        pytest.param("10.0.0.7", ["203.0.113.9:4711"], "203.0.113.9", id="with a port"),
        pytest.param("10.0.0.7", ["[2001:db8::9]:4711"], "2001:db8::9", id="in brackets, with a port"),
        pytest.param("10.0.0.7", ["203.0.113.9, unknown"], None, id="a proxy that does not tell"),
        pytest.param("10.0.0.7", ["203.0.113.9, ,"], "203.0.113.9", id="with gaps"),
        pytest.param("", ["203.0.113.9"], None, id="no peer"),
    ],
)
def test_the_origin_is_the_first_address_from_the_right_that_is_not_ours(
    peer: str, forwarded: list[str], origin: str | None
) -> None:
    assert find_origin(peer, forwarded, OURS) == (ip_address(origin) if origin else None)


def test_where_no_proxy_is_trusted_nothing_that_is_sent_matters() -> None:
    assert find_origin("10.0.0.7", ["203.0.113.9"], ()) == ip_address("10.0.0.7")


@given(st.text(), st.ip_addresses().filter(lambda address: not any(address in network for network in OURS)))
def test_what_a_stranger_sends_never_changes_who_he_is(sent: str, stranger: object) -> None:
    """Our proxy adds his address behind whatever he claims."""
    assert find_origin("10.0.0.7", [sent, str(stranger)], OURS) == find_origin(str(stranger), [sent], OURS)


@given(st.lists(st.text() | st.sampled_from(["[", "10.0.0.1:", "fe80::1%lo", "[::ffff:10.0.0.1]:1:1"])))
def test_nothing_that_comes_in_raises(forwarded: list[str]) -> None:
    """And who cannot be told is nobody, or the last proxy of ours."""
    origin = find_origin("10.0.0.7", forwarded, OURS)

    assert origin is None or any(str(origin) in header for header in forwarded) or origin == ip_address("10.0.0.7")


def test_a_chain_is_followed_so_far_and_no_farther() -> None:
    """Beyond that the last proxy of ours is all that is known."""
    chain = ["203.0.113.9", *["10.0.0.1"] * MOST_HOPS]

    assert find_origin("10.0.0.7", chain[:-1], OURS) == ip_address("203.0.113.9")
    assert find_origin("10.0.0.7", chain, OURS) == ip_address("10.0.0.1")
