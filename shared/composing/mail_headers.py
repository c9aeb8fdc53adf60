"""The values of mail headers, encoded and folded (RFC 5322, RFC 2047).

Pure: the same input gives the same octets at each attempt.
"""

import re
from base64 import b64encode
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from shared.domain.template import one_line

FOLD: Final = b"\r\n "

_LONGEST_LINE: Final = 76
_ROOM: Final = _LONGEST_LINE - len("Subject: ")
_PLAIN: Final = re.compile(r"(?!.*=\?)[ -~]*").fullmatch
_PHRASE: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*").fullmatch
_GAP: Final = re.compile(r"(?<=\S) (?=\S)")
_WORD_OCTETS: Final = 39  #: so many octets make an encoded word that fits a line behind a header's name


def encode_subject(text: str) -> bytes:
    """Any text as the value of an unstructured header: plain if it can be, else encoded words; never a control or an
    empty line.
    """
    line = one_line(text).strip()
    if not (line.isascii() and line.isprintable()) or "=?" in line:
        return _encoded_words(line)
    return line.encode("ascii") if len(line) <= _ROOM else _folded(line)


def encode_name(text: str) -> bytes:
    """Any text as the display name before an address."""
    line = one_line(text).strip()
    if len(line) > _ROOM or not _PLAIN(line):
        return _encoded_words(line)
    if _PHRASE(line):
        return line.encode("ascii")
    return b'"' + line.replace("\\", "\\\\").replace('"', '\\"').encode("ascii") + b'"'


def format_date(seconds: float) -> bytes:
    """Unix seconds as in ``Thu, 01 Jan 1970 00:00:00 +0000``."""
    return format_datetime(datetime.fromtimestamp(int(seconds), UTC)).encode("ascii")


def _folded(line: str) -> bytes:
    """Plain words, broken between two of them; a word that fills a line of its own forces encoded words."""
    lines = [""]
    for word in _GAP.split(line):
        if len(word) >= _ROOM:
            return _encoded_words(line)
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if len(joined) <= _ROOM:
            lines[-1] = joined
        else:
            lines.append(word)
    return FOLD.join([part.encode("ascii") for part in lines])


def _encoded_words(line: str) -> bytes:
    data = line.encode("utf-8", "replace")
    words, start = [], 0
    while start < len(data):
        end = start + _WORD_OCTETS
        # Each word must decode by itself: never cut inside a character.
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        words.append(b"=?utf-8?b?" + b64encode(data[start:end]) + b"?=")
        start = end
    return FOLD.join(words)
