"""Which email addresses can be written into an envelope or a header without saying something else there. Pure."""

import re
from typing import Final

LONGEST: Final = 254  #: octets of an address in an envelope, RFC 5321 4.5.3.1.3 less the angle brackets
LONGEST_LOCAL: Final = 64

_SPECIAL = r"\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff<>()\[\],;:@\\\""
_ADDRESS: Final = re.compile(rf"([^{_SPECIAL}]+)@([^{_SPECIAL}]+|\[[0-9A-Za-z.:]+\])")
#: What nearly all addresses look like, short enough for an envelope: one look is enough.
_PLAIN: Final = re.compile(rf"[0-9A-Za-z.!#$%&'*+/=?^_`{{|}}~-]{{1,{LONGEST_LOCAL}}}@[0-9A-Za-z._-]{{1,189}}").fullmatch
#: Letters, digits, hyphens and dots, and the underscore that some hosts have; or an address literal.
_DOMAIN: Final = re.compile(rb"[0-9A-Za-z._-]+|\[[0-9A-Za-z.:]+\]")


def to_envelope(address: str) -> bytes | None:
    """The address as SMTP says it: the domain in ASCII (IDNA), the local part in UTF-8; None if it cannot be said.

    Quoted local parts are refused with the rest that has to be quoted: brackets, commas, spaces, controls, line breaks.
    Whether the mailbox may exist is not asked here.
    """
    if _PLAIN(address):
        return address.encode()
    match = _ADDRESS.fullmatch(address)
    if match is None:
        return None
    local, domain = match[1].encode(), _in_ascii(match[2])
    if domain is None or len(local) > LONGEST_LOCAL or len(local) + 1 + len(domain) > LONGEST:
        return None
    return local + b"@" + domain


def _in_ascii(domain: str) -> bytes | None:
    try:
        encoded = domain.encode() if domain.isascii() else domain.encode("idna")
    except UnicodeError:
        return None
    # After the encoding: compatibility forms of brackets and the like turn into ASCII only there.
    return encoded if _DOMAIN.fullmatch(encoded) else None
