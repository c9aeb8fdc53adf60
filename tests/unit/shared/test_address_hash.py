"""One address has one hash, whatever its spelling; another address, account, channel or secret has another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.identifiers import Channel
from shared.suppression.address_hash import HASH_SIZE, AddressHashes, normal_address

OLD, NEW = b"old secret of at least 32 bytes!", b"new secret of at least 32 bytes!"
HASHES = AddressHashes([NEW])

channels = st.sampled_from(["email", "sms"])


@pytest.mark.parametrize(
    ("channel", "spelling", "normal"),
    [
        pytest.param("email", "Ada.L@Example.COM", "ada.l@example.com", id="case"),
        pytest.param("email", "  ada@example.com ", "ada@example.com", id="spaces around it"),
        pytest.param("email", "ada@Bücher.example", "ada@xn--bcher-kva.example", id="a domain in another script"),
        pytest.param("email", '"a@b"@example.com', '"a@b"@example.com', id="the last @ counts"),
        pytest.param("email", "ada", "ada", id="no address at all"),
        pytest.param("email", "ada@..ü", "ada@..ü", id="a domain that is none"),
        pytest.param("sms", "+49 (30) 123-456", "+4930123456", id="a telephone with its ornaments"),
    ],
)
def test_spellings_of_one_address_are_the_same(channel: Channel, spelling: str, normal: str) -> None:
    assert normal_address(channel, spelling) == normal
    assert HASHES.of(1, channel, spelling) == HASHES.of(1, channel, normal)


@given(channels, st.text())
def test_any_text_has_a_hash(channel: Channel, text: str) -> None:
    """Also what no relay would take: whoever asks for it gets an answer."""
    assert len(HASHES.of(1, channel, text)) == HASH_SIZE


def test_nothing_else_has_the_same_hash() -> None:
    """Not in another account or channel, not under another secret, and not the plain hash that anybody could try."""
    found = {
        HASHES.of(1, "email", "ada@example.com"),
        HASHES.of(2, "email", "ada@example.com"),
        HASHES.of(1, "sms", "ada@example.com"),
        HASHES.of(1, "email", "bob@example.com"),
        AddressHashes([OLD]).of(1, "email", "ada@example.com"),
        HASHES.of(11, "email", "ada@example.com"),
    }

    assert len(found) == 6


def test_every_secret_finds_what_was_hashed_under_it() -> None:
    """After a rotation the newest comes first, and what the old one hashed is found as well."""
    old, both = AddressHashes([OLD]), AddressHashes([NEW, OLD])

    assert both.of(7, "sms", "+4930123456") == HASHES.of(7, "sms", "+4930123456")
    assert both.all(7, "sms", "+4930123456") == [
        HASHES.of(7, "sms", "+4930123456"),
        old.of(7, "sms", "+4930123456"),
    ]


@pytest.mark.parametrize("secrets", [[], [b""], [NEW, b""]])
def test_no_secret_is_no_hash(secrets: list[bytes]) -> None:
    with pytest.raises(ValueError, match="secret"):
        AddressHashes(secrets)
