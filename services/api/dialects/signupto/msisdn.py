"""Telephone numbers of this dialect: the digits of E.164 without its plus. Pure."""

import re

_DIGITS = re.compile(r"[1-9][0-9]{3,14}")


def to_telephone(msisdn: str) -> str:
    """As the native resources take it; what is no such number stays as it is, for them to refuse."""
    return f"+{msisdn}" if _DIGITS.fullmatch(msisdn) else msisdn


def to_msisdn(telephone: str | None) -> str | None:
    return None if telephone is None else telephone.removeprefix("+")
