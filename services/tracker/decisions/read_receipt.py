"""What an SMS gateway says became of a message. Pure.

The body is JSON or a form with ``status`` and, if there is one, ``reason``; what else stands in it is not looked at,
since gateways add fields of their own, and a receipt that is turned away is lost.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

import orjson

from shared.domain.delivery import Kind
from shared.domain.sms_receipt import STATUSES, ReceiptStatus, kind_of, note_of

_MOST_FIELDS: Final = 32


@dataclass(frozen=True, slots=True)
class Receipt:
    status: ReceiptStatus
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
    told = status.strip().lower() if isinstance(status, str) else ""
    known = next((one for one in STATUSES if one == told), None)
    if known is None:
        faults["status"] = f"must be one of {', '.join(STATUSES)}"
    if reason is not None and (isinstance(reason, bool) or not isinstance(reason, str | int)):
        faults["reason"] = "must be a text"
    if known is None or faults:
        return BadReceipt(faults)
    return Receipt(known, kind_of(known), note_of(known, str(reason or "")))


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
