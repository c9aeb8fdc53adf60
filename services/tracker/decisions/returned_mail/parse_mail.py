"""A mail as far as it is looked at: its headers and parts, within limits that hold whatever comes in. Pure.

Anybody may send what he likes to an address that a message of ours came from. So what the parser of the standard
library takes long over (folds, parts, parts in parts, long lines) is cut off before it sees it. Reports stand at the
beginning of a mail, before the message they return; what is cut is that.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from typing import Final, cast

MOST_READ: Final = 131_072  #: octets
MOST_LINES: Final = 4_000
MOST_IN_LINE: Final = 600  #: octets; RFC 5321 allows 998
MOST_FOLDED: Final = 30  #: lines in a row that continue a header
MOST_DELIMITERS: Final = 100
MOST_CONTAINERS: Final = 20  #: parts that hold parts, side by side or nested

_CONTAINER: Final = re.compile(rb"multipart/|message/", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mail:
    message: "Message[str, str]"
    parts: "tuple[Message[str, str], ...]"  #: the leaves; a message returned inside is one, not looked into


def parse_mail(content: bytes) -> Mail:
    """May raise anything that the parser raises: what comes in need not be a mail."""
    message = message_from_bytes(b"\n".join(_within_limits(content)))
    if "From" not in message:
        message["From"] = "nobody"  # a reader of flufl.bounce stumbles over a mail without it
    return Mail(message, tuple(_leaves(message)))


def _within_limits(content: bytes) -> Iterator[bytes]:
    folded = delimiters = containers = 0
    for line in content[:MOST_READ].splitlines()[:MOST_LINES]:
        folded = folded + 1 if line[:1] in (b" ", b"\t") else 0
        delimiters += line.startswith(b"--")
        containers += _CONTAINER.search(line) is not None
        too_many = (
            folded > MOST_FOLDED
            or (delimiters > MOST_DELIMITERS and line.startswith(b"--"))
            or (containers > MOST_CONTAINERS and _CONTAINER.search(line))
        )
        if not too_many:
            yield line[:MOST_IN_LINE]


def _leaves(message: "Message[str, str]") -> "Iterator[Message[str, str]]":
    parts = message.get_payload()
    if message.get_content_maintype() == "multipart" and isinstance(parts, list):
        for part in cast("list[Message[str, str]]", parts):
            yield from _leaves(part)
    else:
        yield message


def field(message: "Message[str, str]", name: str) -> str:
    """The first header of that name as one line of text; empty: there is none."""
    folded = name.lower()
    value = next((value for key, value in message.raw_items() if key.lower() == folded), "")
    # Octets beyond ASCII were kept as surrogates. What is not UTF-8 is told by its mark, and nobody stumbles over it.
    return in_words(" ".join(str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace").split()))


def in_words(text: str) -> str:
    """What is encoded after RFC 2047, decoded if that is possible; some put it where it does not belong."""
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, ValueError):
        return text
