"""What a delivery receipt of an SMSC says (SMPP 3.4, appendix B and section 5.2.28). Pure."""

import re
from dataclasses import dataclass
from typing import Final

from shared.domain.sms_receipt import ReceiptStatus

_WORDS: Final[dict[str, ReceiptStatus]] = {
    "DELIVRD": "delivered",
    "DELIVER": "delivered",  # written out
    "EXPIRED": "expired",
    "DELETED": "failed",
    "UNDELIV": "undeliverable",
    "ACCEPTD": "accepted",
    "ENROUTE": "accepted",
    "UNKNOWN": "unknown",
    "REJECTD": "rejected",
}
_STATES: Final[dict[int, ReceiptStatus]] = {
    1: "accepted",
    2: "delivered",
    3: "expired",
    4: "failed",
    5: "undeliverable",
    6: "accepted",
    7: "unknown",
    8: "rejected",
}
_NAMED: Final = "id "
LONGEST_NAME: Final = 65  #: characters of a message_id, section 5.2.23 with its NUL; a longer one finds no message

_ID: Final = re.compile(r"\bid:\s*([^\s]{1,65})(?!\S)", re.IGNORECASE)
_STAT: Final = re.compile(r"\bstat:\s*([A-Za-z]+)", re.IGNORECASE)
_ERR: Final = re.compile(r"\berr:\s*([0-9A-Za-z]{1,10})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Receipt:
    """``reference``: the name that the SMSC gave the message when it took it. ``reason``: its error code, if any."""

    reference: str
    status: ReceiptStatus
    reason: str


def read_receipt(text: str, reference: str | None, state: int | None) -> Receipt | None:
    """``reference`` and ``state``: of optional parameters, which count before the text. None: this is no receipt."""
    text, reference = text.replace("\0", " "), fit_name(reference or "")
    found, worded, failed = _ID.search(text), _STAT.search(text), _ERR.search(text)
    name = reference or (found[1] if found else None)
    status = _STATES.get(state) if state is not None else None
    if status is None and worded:
        status = _WORDS.get(worded[1].upper()[:7])
    if not name or status is None:
        return None
    return Receipt(name, status, f"error {failed[1]}" if failed and failed[1].strip("0") else "")


def fit_name(name: str) -> str:
    """Empty where it cannot be kept, as no name of a message is like that."""
    return name if len(name) <= LONGEST_NAME and "\0" not in name else ""


def named(reference: str) -> str:
    """The note of a message that was taken under this name; also the journal keeps it."""
    return _NAMED + reference


def reference_in(note: str) -> str | None:
    return note.removeprefix(_NAMED) if note.startswith(_NAMED) else None
