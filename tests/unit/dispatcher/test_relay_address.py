"""A relay's URL is understood, or all that is wrong with it is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.channels.smtp.relay_address import RelayAddress, parse_relay_url


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("smtp://relay.example", RelayAddress("relay.example", 25)),
        ("smtp://relay.example:2525/", RelayAddress("relay.example", 2525)),
        ("smtp://[::1]:25?starttls=none", RelayAddress("::1", 25, starttls="none")),
        ("smtp://r?starttls=require", RelayAddress("r", 25, starttls="require")),
        ("smtps://r", RelayAddress("r", 465, tls_from_start=True)),
        ("smtp://me:p%40ss%2F@r:587", RelayAddress("r", 587, starttls="require", user="me", password="p@ss/")),
        ("smtp://me:pw@r?starttls=none", RelayAddress("r", 25, starttls="none", user="me", password="pw")),
    ],
)
def test_understood(url: str, address: RelayAddress) -> None:
    assert parse_relay_url(url) == address


@pytest.mark.parametrize(
    ("url", "faults"),
    [
        ("", 2),
        ("relay.example:25", 3),
        ("http://relay.example", 1),
        ("smtp://", 1),
        ("smtp://r:99999", 1),
        ("smtp://r:0", 1),
        ("smtp://r:x", 1),
        ("smtp://[::1", 1),
        ("smtp://r/path", 1),
        ("smtp://me@r", 1),
        ("smtp://:pw@r", 1),
        ("smtp://me:p%00w@r", 1),
        ("smtp://r?starttls=perhaps", 1),
        ("smtp://r?tls=yes", 1),
        ("smtps://r?starttls=require", 1),
        ("smtp://me:pw@r?starttls=opportunistic", 1),
        ("smtp://me@/x?starttls=no&a=b", 5),
    ],
)
def test_every_fault_is_named(url: str, faults: int) -> None:
    found = parse_relay_url(url)

    assert isinstance(found, list)
    assert len(found) == faults


@given(st.text() | st.text().map("smtp://".__add__))
def test_any_text_is_read_without_a_surprise(url: str) -> None:
    assert isinstance(parse_relay_url(url), RelayAddress | list)


def test_shown_without_credentials() -> None:
    assert "secret" not in repr(parse_relay_url("smtp://me:secret@r"))
