"""What is sealed opens again, and only where it belongs."""

import pytest

from shared.sealing import NONCE_SIZE, CannotOpen, open_sealed, seal

OLD, NEW = b"o" * 32, b"n" * 32
NONCE = bytes(NONCE_SIZE)


def test_what_was_sealed_opens() -> None:
    assert open_sealed([NEW], "account-1 secret", seal([NEW], "account-1 secret", b"plain", NONCE)) == b"plain"


def test_after_a_rotation_the_old_still_opens_and_the_new_seals() -> None:
    sealed = seal([OLD], "c", b"plain", NONCE)

    assert open_sealed([NEW, OLD], "c", sealed) == b"plain"
    with pytest.raises(CannotOpen):
        open_sealed([OLD], "c", seal([NEW, OLD], "c", b"plain", NONCE))


def test_it_belongs_to_its_place() -> None:
    with pytest.raises(CannotOpen):
        open_sealed([NEW], "account-2 secret", seal([NEW], "account-1 secret", b"plain", NONCE))


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x02" + bytes(40), b"\x01" + bytes(12), b"\x01" + bytes(60)])
def test_what_is_not_sealed_does_not_open(sealed: bytes) -> None:
    with pytest.raises(CannotOpen):
        open_sealed([NEW], "c", sealed)


def test_the_plain_text_is_not_in_it() -> None:
    assert b"plain" not in seal([NEW], "c", b"plain", NONCE)
