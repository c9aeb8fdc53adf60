"""Pieces that are encoded one by one decode, joined, to what they were."""

import quopri

from hypothesis import given
from hypothesis import strategies as st

from shared.composing.quoted_printable import encode

octets = (
    st.binary()
    | st.text('ab .=\n\t"é\x00\u2028', max_size=400).map(str.encode)
    | st.text().map(lambda t: t.encode("utf-8", "replace"))
)


@given(st.lists(octets))
def test_joined_pieces_decode_to_the_joined_text(pieces: list[bytes]) -> None:
    encoded = b"".join(encode(piece) for piece in pieces)

    assert quopri.decodestring(encoded.replace(b"\r\n", b"\n")) == b"".join(pieces)


@given(octets)
def test_lines_are_short_and_none_begins_with_a_dot(piece: bytes) -> None:
    encoded = encode(piece)
    lines = encoded.split(b"\r\n")

    assert lines[-1] == b""
    assert all(len(line) <= 76 and not line.startswith(b".") for line in lines)
    assert encoded.isascii()
    assert not any(line.endswith((b" ", b"\t")) for line in lines)
    assert b"\n" not in b"".join(lines)
    assert b"\r" not in b"".join(lines)


def test_plain_words_stay_readable() -> None:
    assert encode(b"Dear Ada,\nall = well. ") == b"Dear Ada,\r\nall =3D well.=20=\r\n"
    assert encode(b"") == b""
    assert encode(b".") == b"=2E=\r\n"
