"""Quoted-printable (RFC 2045 6.7) in pieces that can be joined in any order.

Each encoded piece begins and ends at the start of a line, by a soft line break where the text itself has none there. So
a message is encoded once, and what differs between recipients is put between its pieces without looking at them again.
No line is longer than 76 octets and none begins with a dot, so that SMTP has nothing to stuff.
"""

import re
from typing import Final

SOFT_BREAK: Final = b"=\r\n"

# 73 octets, two more for a leading dot, one for the soft break: 76.
_PLAIN_LINE: Final = re.compile(rb"(?!\.)[ -<>-~]{1,73}").fullmatch
_ENCODED: Final = re.compile(rb"[^\t -<>-~]")
_CHUNK: Final = re.compile(rb".{1,73}(?<!=)(?<!=[0-9A-F])")
_CODES: Final = [b"=%02X" % code for code in range(256)]


def encode(text: bytes) -> bytes:
    """``text`` is UTF-8 with LF as its line break; nothing gives nothing."""
    if _PLAIN_LINE(text):
        return text + SOFT_BREAK
    *ended, last = text.split(b"\n")
    lines = b"".join([_soft_lines(line) + b"\r\n" for line in ended])
    return lines + _soft_lines(last) + SOFT_BREAK if last else lines


def encode_text(text: str) -> bytes:
    return encode(text.encode("utf-8", "replace"))


def _soft_lines(line: bytes) -> bytes:
    encoded = _ENCODED.sub(_encode_octet, line)
    if encoded.endswith((b" ", b"\t")):
        # Relays strip what is blank at the end of a line.
        encoded = encoded[:-1] + _CODES[encoded[-1]]
    return SOFT_BREAK.join([_without_dot(chunk) for chunk in _CHUNK.findall(encoded)])


def _encode_octet(match: re.Match[bytes]) -> bytes:
    return _CODES[match[0][0]]


def _without_dot(chunk: bytes) -> bytes:
    return b"=2E" + chunk[1:] if chunk.startswith(b".") else chunk
