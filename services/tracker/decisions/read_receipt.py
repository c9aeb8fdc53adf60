"""What an SMS gateway says became of a message. Pure.

The body is JSON or a form with ``status`` and, if there is one, ``reason``; what else stands in it is not looked at,
since gateways add fields of their own, and a receipt that is turned away is lost.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

import orjson

from shared.domain.delivery import Kind
from shared.domain.sms_content import keepable

#: ``accepted`` says no more than the gateway's answer did. Of the others all but ``delivered`` mean that nobody got it.
STATUSES: Final[dict[str, Kind | None]] = {
    "accepted": None,
    "delivered": Kind.DELIVERED,
    "failed": Kind.BOUNCED,
    "rejected": Kind.BOUNCED,
    "undeliverable": Kind.BOUNCED,
    "expired": Kind.BOUNCED,
    "unknown": Kind.BOUNCED,
}

_MOST_FIELDS: Final = 32


@dataclass(frozen=True, slots=True)
class Receipt:
    status: str  #: one of STATUSES
    kind: Kind | None  #: what there is to record
    note: str  #: why; empty when it was delivered


@dataclass(frozen=True, slots=True)
class BadReceipt:
    """``faults``: a sentence by field; the empty field is the body."""

    faults: dict[str, str]


def read_receipt(content_type: str, body: bytes) -> Receipt | BadReceipt:
    """``content_type``: the header, parameters included; what is not said to be a form is read as JSON."""
    is_form = content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded"
    fields = _from_form(body) if is_form else _from_json(body)
    if fields is None:
        return BadReceipt({"": "must be a JSON object or a form with status and reason"})
    status, reason = fields.get("status"), fields.get("reason")
    faults = {}
    known = status.strip().lower() if isinstance(status, str) else ""
    if known not in STATUSES:
        faults["status"] = f"must be one of {', '.join(STATUSES)}"
    if reason is not None and (isinstance(reason, bool) or not isinstance(reason, str | int)):
        faults["reason"] = "must be a text"
    if faults:
        return BadReceipt(faults)
    return Receipt(known, STATUSES[known], _note(known, str(reason or "")))


def _note(status: str, reason: str) -> str:
    if STATUSES[status] is not Kind.BOUNCED:
        return ""
    told = keepable(reason)
    return f"receipt {status}: {told}" if told else f"receipt {status}"


def _from_json(body: bytes) -> dict[str, object] | None:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return fields if isinstance(fields, dict) else None


def _from_form(body: bytes) -> dict[str, object] | None:
    """Of a field given twice the first one counts."""
    try:
        fields = parse_qs(body.decode("utf-8"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        return None
    return {name: values[0] for name, values in fields.items()}
