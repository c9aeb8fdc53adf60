"""The groups of fields that a report consists of, in whatever form it came: encoded, or behind blank lines. Pure."""

import binascii
import re
from collections.abc import Iterator
from email import message_from_string
from email.message import Message
from typing import Final, cast

from services.tracker.decisions.returned_mail.parse_mail import field

_BLANK_LINE: Final = re.compile(r"\n[ \t]*\n")


def groups_of(part: "Message[str, str]") -> "Iterator[Message[str, str]]":
    """The groups of fields, however the parser has understood them: as messages, or as the text of one."""
    payload = part.get_payload()
    for block in cast("list[Message[str, str]]", payload) if isinstance(payload, list) else [part]:
        if block is not part and block.keys():
            yield block
        text = _text(block, field(part, "Content-Transfer-Encoding"))
        if text.strip():
            yield from map(message_from_string, _BLANK_LINE.split(text))


def _text(block: "Message[str, str]", encoding: str) -> str:
    """What stands behind the fields of a block; ``encoding``: of the part that it is in."""
    data = block.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    try:
        plain = binascii.a2b_base64(data) if encoding.lower() == "base64" and block.keys() == [] else data
    except binascii.Error:
        return ""
    return plain.decode("utf-8", "replace").replace("\r\n", "\n")
