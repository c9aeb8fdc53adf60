"""A text as the octets of an SMS: the GSM 7-bit alphabet, one septet an octet, where it can be; else UTF-16. Pure."""

from typing import Final

from shared.domain.sms_parts import GSM_BASIC, GSM_EXTENDED

DEFAULT_ALPHABET: Final = 0  #: data_coding, SMPP 3.4 section 5.2.19
UCS2: Final = 8

_ESCAPE: Final = 0x1B
_EXTENDED: Final = dict(zip(GSM_EXTENDED, b"\x0a\x14\x28\x29\x2f\x3c\x3d\x3e\x40\x65", strict=True))
_SEPTETS: Final = {
    **{ord(sign): chr(place + (place >= _ESCAPE)) for place, sign in enumerate(GSM_BASIC)},
    **{ord(sign): f"{chr(_ESCAPE)}{chr(septet)}" for sign, septet in _EXTENDED.items()},
}


def encode_text(text: str) -> tuple[int, bytes]:
    """(data_coding, octets)."""
    if all(ord(sign) in _SEPTETS for sign in text):
        return DEFAULT_ALPHABET, text.translate(_SEPTETS).encode("latin-1")
    return UCS2, text.encode("utf-16-be", "replace")
