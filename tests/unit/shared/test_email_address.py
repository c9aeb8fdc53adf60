"""Which addresses can go into an envelope, and how they are written there."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.email_address import to_envelope


@pytest.mark.parametrize(
    ("address", "envelope"),
    [
        ("ada@example.org", b"ada@example.org"),
        ("Ada.L+x='%/@Example.ORG", b"Ada.L+x='%/@Example.ORG"),
        ("ada@bücher.example", b"ada@xn--bcher-kva.example"),
        ("jörg@bücher.example", b"j\xc3\xb6rg@xn--bcher-kva.example"),
        ("a..b.@example.org", b"a..b.@example.org"),
        ("ada@[192.0.2.1]", b"ada@[192.0.2.1]"),
    ],
)
def test_written(address: str, envelope: bytes) -> None:
    assert to_envelope(address) == envelope


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "a@b@c",
        "ada@example.org>",
        "ada@example.org\r\nRCPT TO:<eve@example.org",
        "ada@example.org\n",
        "ada lovelace@example.org",
        "ada@example.org,eve@example.org",
        '"ada"@example.org',
        "ada\0@example.org",
        "ada\u2028@example.org",
        "ada\x85@example.org",
        "ada\udc80@example.org",
        "ada@ex＠ample.org",
        "ada@ex＜ample.org",
        "ada@b..ü",
        "ada@=",
        "ada@exa=mple.org",
        "a" * 65 + "@example.org",
        "ada@" + "x" * 250 + ".org",
    ],
)
def test_not_written(address: str) -> None:
    assert to_envelope(address) is None


@given(st.text() | st.tuples(st.text(), st.text()).map("@".join))
def test_whatever_is_written_is_one_address(text: str) -> None:
    envelope = to_envelope(text)

    assert envelope is None or (
        re.fullmatch(rb"[^\x00-\x20\x7f<>@]+@(?:[0-9A-Za-z._-]+|\[[0-9A-Za-z.:]+\])", envelope) and len(envelope) <= 254
    )
