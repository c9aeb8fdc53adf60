"""A URL that somebody gave us to call: read by one parser, ours, and dialled from its parts and nothing else. Pure.

Whatever two parsers could understand differently is refused rather than repaired: that is how one host is checked and
another one called. So a host is a name of DNS, four decimal numbers, or an IPv6 address in brackets.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final
from urllib.parse import unquote_to_bytes

LONGEST: Final = 2048

_PORTS: Final = {"http": 80, "https": 443}
_SHAPE: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://"
    r"(?P<authority>[^/?#]*)"
    r"(?P<path>/[^?#]*)?"
    r"(?:\?(?P<query>[^#]*))?"
    r"(?P<fragment>#.*)?"
)
_AUTHORITY: Final = re.compile(
    r"(?:(?P<user>[^@]*)@)?" r"(?P<host>\[[^\[\]@]*\]|[^:@\[\]]*)" r"(?::(?P<port>[0-9]{0,5}))?"
)
_ESCAPED: Final = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*")
_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_LOOKS_NUMERIC: Final = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_USER: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=%-]*(?::[A-Za-z0-9._~!$&'()*+,;=:%-]*)?")


@dataclass(frozen=True, slots=True)
class OutboundUrl:
    scheme: str  #: http or https
    host: str  #: a name in lower case, or an address without brackets
    port: int
    path: str  #: as given, with its first slash
    query: str | None  #: as given, without its question mark; None: there is none
    credentials: bytes | None = None  #: user:password as they go into a header of Basic (RFC 7617)

    def __repr__(self) -> str:
        """Without the credentials, path and query: this ends up in logs."""
        return f"OutboundUrl({self.origin})"

    @property
    def origin(self) -> str:
        """What may be logged of it."""
        return f"{self.scheme}://{self._bracketed}:{self.port}"

    @property
    def literal(self) -> str | None:
        """The address, where the host is one."""
        return self.host if ":" in self.host or (self.host[-1].isdigit() and _is_ipv4(self.host)) else None

    @property
    def wire_host(self) -> str:
        """As a URL writes it."""
        return self._bracketed

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def parse_outbound_url(text: str) -> OutboundUrl | str:
    """The parts of an absolute URL of http or https; else why it is none that is called, without what it says."""
    if fault := _fault_of_text(text):
        return fault
    shape = _SHAPE.fullmatch(text)
    scheme = shape["scheme"].lower() if shape else ""
    if shape is None or scheme not in _PORTS:
        return "must be an absolute URL that begins with http:// or https://"
    if shape["fragment"] is not None:
        return "must have no fragment: what follows # is never sent"
    authority = _AUTHORITY.fullmatch(shape["authority"])
    if authority is None or not authority["host"]:
        return "its host cannot be read; in a user and password write : @ / ? and # as %XX"
    host = _read_host(authority["host"])
    if host is None:
        return "its host must be a name, four decimal numbers from 0 to 255, or an IPv6 address in brackets"
    port = int(authority["port"]) if authority["port"] else _PORTS[scheme]
    if not 1 <= port <= 65535:
        return "its port must be 1 to 65535"
    user = authority["user"]
    if user is not None and not _USER.fullmatch(user):
        return "in its user and password write other characters as %XX"
    return OutboundUrl(scheme, host, port, shape["path"] or "/", shape["query"], _credentials(user))


def _fault_of_text(text: str) -> str | None:
    if len(text) > LONGEST:
        return f"must have at most {LONGEST} characters"
    if not text.isascii() or not text.isprintable() or any(sign in text for sign in ' "<>\\^`'):
        return "must be ASCII without spaces, quotes and backslashes: write other characters as %XX"
    if not _ESCAPED.fullmatch(text):
        return "a % must be followed by two hexadecimal digits"
    return None


def _read_host(text: str) -> str | None:
    if text.startswith("["):
        return _read_ipv6(text[1:-1])
    labels = text.lower().split(".")
    if _LOOKS_NUMERIC.fullmatch(labels[-1] or (labels[-2] if len(labels) > 1 else "")):
        # 2130706433, 0x7f.1, 127.1 and 010.0.0.1 are addresses to some and names to others.
        return text if _is_ipv4(text) else None
    if labels[-1] == "" and len(labels) > 1:
        labels.pop()
    known = all(_LABEL.fullmatch(label) for label in labels)
    return ".".join(labels) if known and len(text) <= 253 else None


def _is_ipv4(text: str) -> bool:
    """Four decimal numbers without leading zeros: the one spelling that everybody reads alike."""
    try:
        return str(IPv4Address(text)) == text
    except AddressValueError:
        return False


def _read_ipv6(text: str) -> str | None:
    if "%" in text:  # a zone: means another network on each machine
        return None
    try:
        return str(IPv6Address(text))
    except AddressValueError:
        return None


def _credentials(user: str | None) -> bytes | None:
    if not user:
        return None
    name, _, password = user.partition(":")
    return unquote_to_bytes(name) + b":" + unquote_to_bytes(password)
