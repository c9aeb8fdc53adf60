"""Why a message came back, in words fit to be kept: one line, not endless, and without any address. Pure."""

import re
from typing import Final

LONGEST: Final = 300  #: characters of a note
_LONGEST_READ: Final = 2_000

#: Also as URLs, xtext (RFC 3461) and quoted-printable write it.
_AT: Final = r"(?:@|%40|\+40|=40|&#64;|\(at\))"
_ADDRESS: Final = re.compile(rf"[^\s<>()\[\]\"',;:]{{0,100}}{_AT}[^\s<>()\[\]\"',;:]{{0,255}}", re.IGNORECASE)
_NOT_PRINTED: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff]+")
_TYPE: Final = re.compile(r"^[a-z][a-z0-9.-]{0,30} ?; ?", re.IGNORECASE)
_STATUS: Final = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?!\.?\d)")


def write_note(status: str, diagnostic: str) -> str:
    """``status``: a code of RFC 3463, or nothing. ``diagnostic``: as in RFC 3464, its type in front or not.

    The status is left out where the diagnostic says the same.
    """
    text = without_addresses(_TYPE.sub("", diagnostic[:_LONGEST_READ].strip()))
    told = status_in(text)
    code = status_in(status)
    return (text if not code or told == code else f"{code} {text}".strip())[:LONGEST]


def status_in(text: str) -> str:
    """The first code of RFC 3463 in it, or nothing."""
    match = _STATUS.search(text)
    return match[0] if match else ""


def without_addresses(text: str) -> str:
    return _ADDRESS.sub("recipient", " ".join(_NOT_PRINTED.sub(" ", text).split()))
