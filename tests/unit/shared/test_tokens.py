"""Tokens come back as they were signed, and nothing else comes back at all."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.token_letters import MOST_AT_ONCE
from shared.domain.tokens import Token, TokenKeys, TokenKind, is_of_notice, of_notice

OLD, NEW = b"old secret of at least 32 bytes!", b"new secret of at least 32 bytes!"
KEYS = TokenKeys([NEW])

tokens = st.builds(
    Token,
    task=st.integers(-(2**63), 2**63 - 1),
    ordinal=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(TokenKind),
    link=st.integers(0, 2**16 - 1),
)


def web(token: Token, keys: TokenKeys = KEYS) -> str:
    return keys.web(token.task, token.ordinal, token.kind, token.link)


def verp(token: Token, keys: TokenKeys = KEYS) -> str:
    return keys.verp(token.task, token.ordinal, token.kind, token.link)


@given(tokens)
def test_round_trip(token: Token) -> None:
    assert KEYS.read_web(web(token)) == token
    assert KEYS.read_verp(verp(token)) == token


@given(tokens)
def test_the_same_again_gives_the_same_token(token: Token) -> None:
    """A retry repeats its headers octet for octet."""
    assert web(token) == web(token, TokenKeys([NEW, OLD]))
    assert verp(token) == verp(token, TokenKeys([NEW, OLD]))


@given(tokens)
def test_letters_that_need_no_escape_anywhere(token: Token) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{42}", web(token))
    assert re.fullmatch(r"b\+[a-z2-7]{50}", verp(token))
    assert len(verp(token)) <= 64


@given(tokens, st.integers(0, 247))
def test_every_changed_bit_is_refused(token: Token, bit: int) -> None:
    sealed = bytearray(base64.urlsafe_b64decode(web(token) + "=="))
    sealed[bit // 8] ^= 1 << bit % 8

    assert KEYS.read_web(base64.urlsafe_b64encode(sealed).decode().rstrip("=")) is None
    assert KEYS.read_verp("b+" + base64.b32encode(sealed).decode().rstrip("=").lower()) is None


@given(tokens, st.integers(0, 51), st.characters())
def test_every_changed_character_is_refused(token: Token, place: int, character: str) -> None:
    """The spare bits of the last character too: a token has one spelling, but for the case of an envelope address."""
    for text, read in ((web(token), KEYS.read_web), (verp(token), KEYS.read_verp)):
        changed = text[:place] + character + text[place + 1 :]
        folded = changed.isascii() and read == KEYS.read_verp
        same = changed.lower() == text if folded else changed == text

        assert read(changed) == (token if same else None)


@given(tokens)
def test_the_spare_bits_of_the_last_character_must_be_zero(token: Token) -> None:
    """Else one token had sixteen spellings."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    read = [KEYS.read_web(web(token)[:-1] + letter) for letter in letters]

    assert [found for found in read if found is not None] == [token]


@given(tokens)
def test_relays_may_fold_the_case_of_an_envelope_address(token: Token) -> None:
    assert KEYS.read_verp(verp(token).upper()) == token
    assert KEYS.read_verp(verp(token).title()) == token


@given(tokens)
def test_a_web_token_keeps_its_case(token: Token) -> None:
    assert web(token).swapcase() == web(token) or KEYS.read_web(web(token).swapcase()) is None


@given(
    st.text()
    | st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=52, max_size=52)
    | st.text("Aa-_", min_size=42, max_size=42)
)
def test_any_text_is_read_without_a_surprise(text: str) -> None:
    assert KEYS.read_web(text) is None
    assert KEYS.read_verp(text) is None
    assert KEYS.read_verp("b+" + text) is None


@given(tokens)
def test_secrets_are_changed_without_breaking_what_is_out(token: Token) -> None:
    rotating = TokenKeys([NEW, OLD])

    assert rotating.read_web(web(token, TokenKeys([OLD]))) == token
    assert rotating.read_verp(verp(token, TokenKeys([OLD]))) == token
    assert KEYS.read_web(web(token, TokenKeys([OLD]))) is None
    assert KEYS.read_verp(verp(token, TokenKeys([OLD]))) is None


@given(st.integers(0, 2**32 - 2))
def test_nothing_of_the_ids_shows(ordinal: int) -> None:
    """Two neighbours share no more than chance gives: every part of a token is masked or a MAC."""
    one, other = (KEYS.web(7, number, TokenKind.OPEN) for number in (ordinal, ordinal + 1))

    assert sum(first == second for first, second in zip(one, other, strict=True)) < 12


@pytest.mark.parametrize("secrets", [[], [b""], [NEW, b""]])
def test_no_key_is_refused(secrets: list[bytes]) -> None:
    with pytest.raises(ValueError, match="secret"):
        TokenKeys(secrets)


@given(st.integers(1, 2**63 - 1))
def test_a_notice_is_told_from_a_task(number: int) -> None:
    """In the same place of a token; no task has a negative number."""
    of_task, of_a_notice = (Token(each, 0, TokenKind.UNSUBSCRIBE, 0) for each in (number, of_notice(number)))

    assert (is_of_notice(of_task), is_of_notice(of_a_notice)) == (False, True)
    assert KEYS.read_web(web(of_a_notice)) == of_a_notice


def test_links_that_are_out_in_the_world_stay_what_they_are() -> None:
    assert KEYS.web(7, 5, TokenKind.CLICK, 3) == "snUanQi2UN-BBHZlxrvbXg9yDbjYHim2cZ4UqepdCg"
    assert KEYS.web(-9, 4_000_000_000, TokenKind.OPEN) == "b-dUbtN112p1s_gkQMKUUoI3JP3UYSIzpCwp4SH0og"
    assert KEYS.verp(7, 5) == "b+ssn4aikvcjoydvl3nlw2syotc2x4wvybdi23ome2kys4bq57oe"


@given(
    st.integers(-(2**63), 2**63 - 1),
    st.lists(st.integers(0, 2**32 - 1), max_size=MOST_AT_ONCE),
    st.lists(st.tuples(st.sampled_from(TokenKind), st.integers(0, 2**16 - 1)), max_size=5),
)
def test_many_at_once_are_what_each_is_alone(
    task: int, ordinals: list[int], contents: list[tuple[TokenKind, int]]
) -> None:
    assert KEYS.web_of_many(task, ordinals, contents) == [
        [KEYS.web(task, ordinal, *content).encode() for content in contents] for ordinal in ordinals
    ]
    assert KEYS.verp_of_many(task, ordinals) == [KEYS.verp(task, ordinal).encode() for ordinal in ordinals]
