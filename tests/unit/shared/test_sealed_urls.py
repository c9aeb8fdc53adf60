"""User and password of a stored URL: nobody reads them without the secret; whoever calls it has them byte for byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.outbound_url import parse_outbound_url
from shared.sealed_urls import is_masked, masked, open_credentials, seal_credentials, without_credentials
from shared.sealing import CannotOpen

SECRETS = [b"n" * 32, b"o" * 32]
NONCE = b"0123456789ab"
URL = "https://ada:p%40ss:w@hooks.example:8443/a@b?c=d@e"


def test_they_are_sealed_where_they_stand_and_the_rest_is_as_given() -> None:
    stored = seal_credentials(SECRETS, 7, URL, NONCE)

    assert stored.startswith("https://sealed~")
    assert stored.endswith("@hooks.example:8443/a@b?c=d@e")
    assert "ada" not in stored
    assert "p%40ss" not in stored
    assert open_credentials(SECRETS, 7, stored) == URL
    assert open_credentials([b"x" * 32, SECRETS[0]], 7, stored) == URL  # after the secrets were rotated
    assert not isinstance(parse_outbound_url(stored), str)


@pytest.mark.parametrize("url", ["https://hooks.example/a?b=c@d", "http://@hooks.example/", "no url", ""])
def test_a_url_without_any_is_as_it_was(url: str) -> None:
    assert seal_credentials(SECRETS, 7, url, NONCE) == open_credentials(SECRETS, 7, url) == masked(url) == url


def test_they_open_for_their_account_and_secret_alone() -> None:
    """Nor where a sign was changed, or what is there was never sealed."""
    stored = seal_credentials(SECRETS, 7, URL, NONCE)
    for secrets, account, text in (
        (SECRETS, 8, stored),
        ([b"x" * 32], 7, stored),
        (SECRETS, 7, stored.replace("@hooks", "A@hooks")),
        (SECRETS, 7, "https://sealed~@hooks.example/"),
        (SECRETS, 7, "https://sealed~:pw@hooks.example/"),
    ):
        with pytest.raises(CannotOpen):
            open_credentials(secrets, account, text)


def test_what_looks_sealed_and_was_given_is_sealed_as_it_is() -> None:
    given = "https://sealed~AAAA@hooks.example/"

    assert open_credentials(SECRETS, 7, seal_credentials(SECRETS, 7, given, NONCE)) == given


def test_three_stars_are_shown_for_them() -> None:
    stored = seal_credentials(SECRETS, 7, URL, NONCE)

    assert masked(stored) == masked(URL) == "https://***@hooks.example:8443/a@b?c=d@e"
    assert is_masked(masked(stored))
    assert not is_masked(URL)
    assert without_credentials({"event_callback": stored, "name": URL}) == {"event_callback": masked(URL), "name": URL}
    assert without_credentials({"event_callback": None}) == {"event_callback": None}


@given(st.from_regex(r"https?://([a-z:%0-9.~-]{1,20}@)?[a-z.]{1,10}(/[a-z@?=]*)?", fullmatch=True), st.integers(1, 9))
def test_every_url_comes_back_as_it_was(url: str, account: int) -> None:
    assert open_credentials(SECRETS, account, seal_credentials(SECRETS, account, url, NONCE)) == url


@given(st.text())
def test_nothing_that_is_stored_breaks_it(text: str) -> None:
    """It is opened, or said not to open."""
    masked(text)
    try:
        open_credentials(SECRETS, 1, text)
    except CannotOpen:
        pass
