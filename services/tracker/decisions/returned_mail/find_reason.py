"""Why a message came back, as people are told: mailers without a report, or with a bare one, say it there. Pure."""

import re
from email.message import Message
from itertools import dropwhile, islice, takewhile
from typing import Final

from services.tracker.decisions.returned_mail.parse_mail import Mail
from services.tracker.decisions.returned_mail.write_note import without_addresses

MOST_LOOKED_AT: Final = 200  #: lines
MOST_TAKEN: Final = 4

_FIELD: Final = re.compile(r"[A-Za-z-]+:\s")  #: a header of ours, retold

#: Of others there is nothing to be had that the code alone would not say; some codecs take long over what is hostile.
_CHARSETS: Final = frozenset({"us-ascii", "utf-8", "iso-8859-1", "iso-8859-2", "iso-8859-15", "windows-1252"})


def find_reason(mail: Mail) -> str:
    """What stands behind the first address, up to the end of that paragraph; nothing: there is none."""
    texts = (_text(part) for part in mail.parts if part.get_content_type() == "text/plain")
    lines = [line.strip() for line in islice(next(texts, "").splitlines(), MOST_LOOKED_AT)]
    behind = list(dropwhile(lambda line: "@" not in line or _FIELD.match(line), lines))
    if not behind:
        return ""
    first = without_addresses(behind[0]).removeprefix("<recipient>").removeprefix("recipient").lstrip(" :")
    rest = list(dropwhile(lambda line: not line and not first, behind[1:]))
    return " ".join([first, *islice(takewhile(bool, rest), MOST_TAKEN)]).strip()


def _text(part: "Message[str, str]") -> str:
    data = part.get_payload(decode=True)
    charset = str(part.get_content_charset("utf-8"))
    return data.decode(charset if charset in _CHARSETS else "utf-8", "replace") if isinstance(data, bytes) else ""
