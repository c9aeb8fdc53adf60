"""Telephone numbers as gateways write them. Pure."""

import re
from typing import Final

import phonenumbers

LONGEST: Final = 40  #: characters

_SHORT_CODE: Final = re.compile(r"[0-9]{3,8}").fullmatch
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch
_BETWEEN: Final = re.compile(r"[\s().\-/]+")


def read_number(given: str) -> str | None:
    """E.164, as subscribers are known by. The country code must be there; the plus before it may be missing, or be 00.

    A number that no plan knows is taken if it looks like one: somebody's STOP must not be lost to a new prefix.
    """
    international = _with_plus(given.strip())
    if len(international) > LONGEST:
        return None
    try:
        number = phonenumbers.parse(international, None)
    except phonenumbers.NumberParseException:
        number = None
    if number is not None and phonenumbers.is_possible_number(number):
        plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    else:
        plain = _BETWEEN.sub("", international)
    return plain if _E164(plain) else None


def read_own_number(given: str) -> str | None:
    """A number of ours: a short code as it is, else E.164."""
    code = given.strip()
    return code if _SHORT_CODE(code) else read_number(given)


def _with_plus(number: str) -> str:
    if number.startswith("+"):
        return number
    return "+" + number.removeprefix("00")
