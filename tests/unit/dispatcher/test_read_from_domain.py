"""The domain of a mail's From."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.decisions.read_from_domain import read_from_domain
from tests.mails import octets


@pytest.mark.parametrize("name", ["", "Shop", 'Käthe "x" <a@b.example>', "a@b.example,", "x" * 200, "=?utf-8?b?"])
@pytest.mark.parametrize(
    ("email", "domain"), [("news@Shop.Example.org", "shop.example.org"), ("a@bücher.example", "xn--bcher-kva.example")]
)
def test_of_what_we_compose_it_is_the_one_of_from_email(name: str, email: str, domain: str) -> None:
    """Whatever the name before it looks like."""
    assert read_from_domain(octets(from_name=name, from_email=email)) == domain


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"Subject: x",
        b"From: nobody",
        b"From: <@x.example>",
        b"From: a@x.example, b@y.example",
        b"From: a@x.example\r\nFrom: a@y.example",
        "From: a@bücher.example".encode(),
        b"Subject: x\r\n\r\nFrom: a@x.example",
    ],
)
def test_without_exactly_one_address_there_is_none(head: bytes) -> None:
    assert read_from_domain(head + b"\r\n\r\nFrom: body@z.example\r\n") is None


@given(st.binary(max_size=200))
def test_no_octets_upset_it(octets: bytes) -> None:
    domain = read_from_domain(b"From: " + octets)

    assert domain is None or domain.isascii()
