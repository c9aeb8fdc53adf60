"""Sessions: sealed, short, and bound to how they began."""

import base64

import pytest

from services.api.console.session import (
    IDLE,
    LONGEST,
    PLAIN_NAME,
    RENEWED_AFTER,
    SECURE_NAME,
    Session,
    clear_cookies,
    read_session,
    set_cookie,
)
from shared.domain.identifiers import Instant

SECRETS = (b"a" * 32, b"b" * 32)
NONCE = b"n" * 12
NOON = Instant(1_800_000_000.0)
PLAIN = Session("abcdefgh", "00" * 32, "token-of-forms", NOON, NOON, secure=False)
SECURE = Session("abcdefgh", "00" * 32, "token-of-forms", NOON, NOON, secure=True)


def sent(session: Session) -> str:
    """The Cookie header of a browser that took it."""
    return set_cookie(SECRETS, session, NONCE).partition(";")[0]


@pytest.mark.parametrize("session", [PLAIN, SECURE], ids=["http", "https"])
def test_a_browser_brings_back_what_it_was_given(session: Session) -> None:
    assert read_session(SECRETS, f"other=1; {sent(session)}", NOON) == session


def test_a_cookie_over_https_is_hardened_in_every_way() -> None:
    assert sent(SECURE).startswith(f"{SECURE_NAME}=")
    assert set_cookie(SECRETS, SECURE, NONCE).partition("; ")[2] == (
        "Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=3600"
    )


def test_a_cookie_over_http_is_hardened_as_far_as_it_goes() -> None:
    assert sent(PLAIN).startswith(f"{PLAIN_NAME}=")
    assert set_cookie(SECRETS, PLAIN, NONCE).partition("; ")[2] == (
        "Path=/console; HttpOnly; SameSite=Strict; Max-Age=3600"
    )


def test_nothing_of_it_can_be_read_or_changed() -> None:
    value = sent(PLAIN).partition("=")[2]
    sealed = bytearray(base64.urlsafe_b64decode(value))
    assert not any(part in sealed for part in (b"abcdefgh", b"token", b"hash"))
    for place in range(len(sealed)):
        changed = bytes(sealed[:place]) + bytes([sealed[place] ^ 1]) + bytes(sealed[place + 1 :])
        cookie = f"{PLAIN_NAME}={base64.urlsafe_b64encode(changed).decode()}"
        assert read_session(SECRETS, cookie, NOON) is None


@pytest.mark.parametrize(
    "cookies",
    ["", "x", f"{PLAIN_NAME}=", f"{PLAIN_NAME}=é", f"{PLAIN_NAME}=AAAA", f"{SECURE_NAME}=!!", '{"a"', "\x7f=\x01;;=="],
)
def test_what_is_no_session_is_none(cookies: str) -> None:
    assert read_session(SECRETS, cookies, NOON) is None


def test_a_session_of_https_is_not_taken_from_the_cookie_that_anybody_can_set() -> None:
    value = sent(SECURE).partition("=")[2]

    assert read_session(SECRETS, f"{PLAIN_NAME}={value}", NOON) is None
    assert read_session(SECRETS, f"{SECURE_NAME}={sent(PLAIN).partition('=')[2]}", NOON) is None


def test_it_outlives_a_rotation_of_the_secret_and_not_its_end() -> None:
    cookie = sent(PLAIN)

    assert read_session((b"new" + b"c" * 29, *SECRETS), cookie, NOON) == PLAIN
    assert read_session((b"new" + b"c" * 29,), cookie, NOON) is None


@pytest.mark.parametrize(
    ("seen", "now", "there"),
    [
        (0, IDLE - 1, True),
        (0, IDLE, False),
        (LONGEST - 60, LONGEST - 1, True),
        (LONGEST - 60, LONGEST, False),
    ],
)
def test_it_ends_an_hour_after_the_last_request_and_eight_after_the_first(seen: float, now: float, there: bool) -> None:
    session = Session("abcdefgh", "00" * 32, "t", NOON, Instant(NOON + seen), secure=False)

    assert (read_session(SECRETS, sent(session), Instant(NOON + now)) is not None) == there


def test_it_is_renewed_now_and_then_and_its_beginning_stays() -> None:
    later = Instant(NOON + RENEWED_AFTER)
    renewed = PLAIN.renewed(later)

    assert PLAIN.renewed(Instant(later - 1)) is None
    assert renewed is not None
    assert (renewed.seen, renewed.began, renewed.token) == (later, NOON, PLAIN.token)


@pytest.mark.parametrize("token", ["", "token-of-form", "token-of-formS", "token-of-formsx", "é", "\ud800"])
def test_a_form_of_another_session_is_none_of_this_one(token: str) -> None:
    assert PLAIN.sent("token-of-forms")
    assert not PLAIN.sent(token)


def test_signing_out_clears_both_cookies() -> None:
    assert [(cookie.partition("=")[0], cookie.endswith("Max-Age=0")) for cookie in clear_cookies()] == [
        (SECURE_NAME, True),
        (PLAIN_NAME, True),
    ]
