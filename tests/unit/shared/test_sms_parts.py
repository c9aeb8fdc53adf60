"""Parts of an SMS, against known vectors and against a splitter that really cuts the text."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.sms_parts import SmsParts, count_parts

EURO = "€"  # two septets
PIANO = "\U0001f3b9"  # two UTF-16 code units

#: 3GPP TS 23.038, 6.2.1: the default alphabet by code, 0x1B left out.
ALPHABET = {
    0x00: "@£$¥èéùìòÇ\nØø\rÅå",
    0x10: "Δ_ΦΓΛΩΠΨΣΘΞ",
    0x1C: "ÆæßÉ",
    0x20: " !\"#¤%&'()*+,-./",
    0x30: "0123456789:;<=>?",
    0x40: "¡ABCDEFGHIJKLMNO",
    0x50: "PQRSTUVWXYZÄÖÑÜ§",
    0x60: "¿abcdefghijklmno",
    0x70: "pqrstuvwxyzäöñüà",
}
BASIC = "".join(ALPHABET.values())
EXTENDED = "\f^{}\\[~]|€"  # 6.2.1.1


@pytest.mark.parametrize(
    ("text", "encoding", "parts", "units"),
    [
        pytest.param("", "GSM-7", 1, 0, id="nothing is a part"),
        pytest.param("a" * 160, "GSM-7", 1, 160, id="160 septets alone"),
        pytest.param("a" * 161, "GSM-7", 2, 161, id="one more makes two"),
        pytest.param("a" * 306, "GSM-7", 2, 306, id="two of 153"),
        pytest.param("a" * 307, "GSM-7", 3, 307, id="one more makes three"),
        pytest.param("a" * 158 + EURO, "GSM-7", 1, 160, id="an extended character is two septets"),
        pytest.param("a" * 159 + EURO, "GSM-7", 2, 161, id="and may be the one too many"),
        pytest.param(EURO * 80, "GSM-7", 1, 160, id="80 of them alone"),
        pytest.param(EURO * 81, "GSM-7", 2, 162, id="76 of them in each of several"),
        pytest.param(EURO * 152, "GSM-7", 2, 304, id="two times 76"),
        pytest.param(EURO * 153, "GSM-7", 3, 306, id="306 septets that are three parts: none is cut in two"),
        pytest.param("a" * 152 + EURO + "a" * 152, "GSM-7", 3, 306, id="a septet unused for one that did not fit"),
        pytest.param("я" * 70, "UCS-2", 1, 70, id="70 code units alone"),
        pytest.param("я" * 71, "UCS-2", 2, 71, id="one more makes two in UCS-2"),
        pytest.param("я" * 134, "UCS-2", 2, 134, id="two of 67"),
        pytest.param("я" * 135, "UCS-2", 3, 135, id="one more makes three in UCS-2"),
        pytest.param(PIANO * 35, "UCS-2", 1, 70, id="35 pairs alone"),
        pytest.param(PIANO * 66, "UCS-2", 2, 132, id="33 pairs in each of several"),
        pytest.param(PIANO * 67, "UCS-2", 3, 134, id="134 units that are three parts: no pair is cut in two"),
        pytest.param("a" * 69 + "é" + "ê", "UCS-2", 2, 71, id="one strange letter makes all of it UCS-2"),
        pytest.param("Ç", "GSM-7", 1, 1, id="the capital is in the alphabet"),
        pytest.param("\t", "UCS-2", 1, 1, id="a tab is not"),
    ],
)
def test_known_texts(text: str, encoding: str, parts: int, units: int) -> None:
    counted = count_parts(text)

    assert (counted.encoding, counted.parts, counted.units) == (encoding, parts, units)


def test_the_alphabet_is_that_of_the_standard() -> None:
    """127 characters of a septet, ten of two; everything else in the first plane is strange to it."""
    alone = {
        chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000 and not count_parts(chr(code)).forced_by
    }

    assert len(BASIC) == 127
    assert alone == set(BASIC + EXTENDED)
    assert [count_parts(sign).units for sign in BASIC] == [1] * 127
    assert [count_parts(sign).units for sign in EXTENDED] == [2] * 10


def test_what_forces_ucs2_is_named_once_in_order() -> None:
    assert count_parts("ŷou “and” me ŷ") == SmsParts("UCS-2", 1, 14, ("ŷ", "“", "”"))
    assert count_parts("you and me €").forced_by == ()


@given(st.text(st.sampled_from(BASIC + EXTENDED + EURO * 60), max_size=1_000))
@example("a" * 152 + EURO)
def test_gsm_parts_are_those_of_a_splitter(text: str) -> None:
    """Escape and character are cut apart nowhere, and no part could have held more."""
    counted = count_parts(text)

    pieces = split([("\x1b" + sign if sign in EXTENDED else sign) for sign in text], 160, 153)
    assert (counted.encoding, counted.parts, counted.units) == ("GSM-7", len(pieces), sum(map(len, pieces)))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400).map(lambda text: text + "я"))
@example(PIANO * 33 + "я" + PIANO * 40)
def test_ucs2_parts_are_those_of_a_splitter(text: str) -> None:
    """Each part can be decoded by itself: no pair is cut apart."""
    counted = count_parts(text)

    pieces = split([units_of(sign) for sign in text], 70, 67)
    for piece in pieces:
        piece.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    assert (counted.encoding, counted.parts, counted.units) == ("UCS-2", len(pieces), sum(map(len, pieces)))
    assert set(counted.forced_by) == set(text) - set(BASIC + EXTENDED)


def units_of(sign: str) -> str:
    """Its UTF-16 code units as characters."""
    octets = sign.encode("utf-16-be")
    return "".join(chr(int.from_bytes(octets[place : place + 2], "big")) for place in range(0, len(octets), 2))


def split(signs: list[str], alone: int, each: int) -> list[str]:
    if len("".join(signs)) <= alone:
        return ["".join(signs)]
    pieces = [""]
    for sign in signs:
        if len(pieces[-1] + sign) > each:
            pieces.append("")
        pieces[-1] += sign
    return pieces
