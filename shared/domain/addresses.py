"""Which addresses can be written to: read without asking anybody. Pure.

Whether a domain takes mail is found out by sending, never while a request waits.
"""

import re
import unicodedata

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from shared.domain.refusal import Fault

# What nearly every address looks like (RFC 5321 dot-string and domain): the full parser takes a hundred times as long.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN_EMAIL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])")
_LONGEST_LOCAL = 64
_LONGEST_EMAIL = 254
_LINE_BREAKERS = "\u2028\u2029"


def fault_in_line(value: str) -> str | None:
    """What keeps a text from standing on one line of a header or a page; None: nothing."""
    if not value.strip():
        return "must not be blank"
    if value.isascii() and value.isprintable():
        return None
    if any(sign in _LINE_BREAKERS or unicodedata.category(sign) in ("Cc", "Cs") for sign in value):
        return "must be one line without control characters"
    return None


def read_email(given: str) -> str | Fault:
    """The address as given; a domain in another script as ASCII (RFC 5891), so that comparing needs no locale."""
    given = given.strip(" ")
    if len(given) <= _LONGEST_EMAIL and given.find("@") <= _LONGEST_LOCAL and _PLAIN_EMAIL.fullmatch(given):
        return given
    try:
        address = validate_email(given, check_deliverability=False, allow_smtputf8=False, strict=True)
    except (EmailNotValidError, ValueError) as error:
        return Fault("email", f"is not an email address: {error}")
    return address.ascii_email or Fault("email", "is not an email address that every relay takes")


def read_domain(given: str) -> str | Fault:
    """A domain that mail can come from: in ASCII and small letters, without a dot at its end."""
    address = read_email(f"postmaster@{given.strip(' ').removesuffix('.')}")
    if isinstance(address, Fault):
        return Fault("name", "must be a domain that mail can come from, as in news.example.org")
    return address.rpartition("@")[2].lower()


def read_telephone(given: str) -> str | Fault:
    """E.164. The number must name its country: ``+`` and the country code in front."""
    try:
        number = phonenumbers.parse(given, None)
    except phonenumbers.NumberParseException:
        return Fault("telephone", "is not a telephone number with + and its country code")
    if number.extension or not phonenumbers.is_possible_number(number):
        return Fault("telephone", "is not a telephone number that can exist")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
