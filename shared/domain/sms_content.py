"""What an SMS may say, and what is kept of what gateways say about it. Pure."""

import re
from typing import Final

from shared.domain.sms_parts import count_parts
from shared.domain.template import plain_lines
from shared.domain.template_tags import read_template

MOST_PARTS: Final = 10  #: gateways take no longer ones, and nobody reads them
LONGEST_REASON: Final = 300  #: characters

_NUMBER: Final = re.compile(r"[+(]?\d(?:[ ().\-/]{0,2}\d){5,}")
_NOT_PRINTED: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def sendable_lines(text: str) -> str:
    """Without controls but line breaks, which all become LF: a tab would make the whole text UCS-2."""
    return plain_lines(text).replace("\t", " ")


def fault_in_text(text: str) -> str | None:
    """Why a recipient's text cannot be sent; None: it can."""
    if not text.strip():
        return "the text is empty"
    parts = count_parts(text).parts
    return None if parts <= MOST_PARTS else f"the text takes {parts} parts, and at most {MOST_PARTS} are sent"


def body_faults(body: str) -> list[str]:
    """Of a body with placeholders: what will be wrong with it for every recipient."""
    template = read_template(body)
    fixed, position, depth = "", 0, 0
    for tag in template.tags:
        # What stands in a condition is not for everybody.
        fixed += "" if depth else body[position : tag.start]
        position, depth = tag.end, tag.depth
    parts = count_parts(sendable_lines(fixed + body[position:])).parts
    too_long = f"takes {parts} parts without its placeholders, and at most {MOST_PARTS} are sent"
    return [*template.faults, *([too_long] if parts > MOST_PARTS else [])]


def keepable(reason: str) -> str:
    """One short line, in which nothing is left that may be a telephone number: those live in no log."""
    line = _NOT_PRINTED.sub(" ", reason[: 2 * LONGEST_REASON])
    return _NUMBER.sub("number", line)[:LONGEST_REASON].strip()
