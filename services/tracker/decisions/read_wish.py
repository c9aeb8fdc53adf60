"""What the body of a POST to an unsubscribe link asks for. Pure.

RFC 8058, section 3.1: the body is ``List-Unsubscribe=One-Click``, URL-encoded or multipart. The buttons of our own form
send the same field. Anything else asks for nothing: a scanner that posts to whatever it finds must unsubscribe nobody.
"""

from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from typing import Final, Literal
from urllib.parse import parse_qs

#: ``list``: end the subscription this message came by. ``all``: nothing any more, from anybody of the account.
Wish = Literal["list", "all"]


@dataclass(frozen=True, slots=True)
class Wished:
    """Recipient ``ordinal`` of a task wishes to hear no more."""

    task_id: int
    ordinal: int
    wish: Wish
    time_ms: int  #: unix milliseconds


FIELD: Final = "List-Unsubscribe"
WISHES: Final[dict[str, Wish]] = {"One-Click": "list", "All": "all"}

_MOST_FIELDS: Final = 16
_BY_FOLDED: Final = {value.lower(): wish for value, wish in WISHES.items()}


def read_wish(content_type: str, body: bytes) -> Wish | None:
    """``content_type``: the header, parameters included. None: nothing that is understood."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        value = _from_form(body)
    elif kind == "multipart/form-data":
        value = _from_multipart(content_type, body)
    else:
        value = None
    return _BY_FOLDED.get(value.strip().lower()) if value is not None else None


def _from_form(body: bytes) -> str | None:
    try:
        values = parse_qs(body.decode("utf-8"), max_num_fields=_MOST_FIELDS).get(FIELD, [])
    except ValueError:
        return None
    return values[0] if len(values) == 1 else None


def _from_multipart(content_type: str, body: bytes) -> str | None:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("utf-8", "replace")
    parts = message_from_bytes(head + body).get_payload()
    if not isinstance(parts, list):
        return None
    values = [part for part in parts if isinstance(part, Message) and _name_of(part) == FIELD]
    payload = values[0].get_payload(decode=True) if len(values) == 1 else None
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else None


def _name_of(part: Message) -> object:
    return part.get_param("name", header="Content-Disposition")
