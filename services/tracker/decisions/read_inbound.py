"""What a gateway says of an SMS that somebody sent to a number of ours. Pure.

JSON or a form with ``from``, ``to`` and ``text``, and ``id`` where the gateway has one. Whatever else it says is passed
over: a STOP must not be lost to a field that nobody needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final
from urllib.parse import parse_qsl

import orjson

from services.tracker.decisions.read_number import read_number, read_own_number
from shared.domain.refusal import Fault
from shared.domain.template import plain_lines

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"

LONGEST_TEXT: Final = 2_000  #: characters
LONGEST_ID: Final = 255
_MOST_FIELDS: Final = 64


@dataclass(frozen=True, slots=True)
class InboundSms:
    """``sender`` in E.164, ``recipient`` a number of ours."""

    sender: str
    recipient: str
    text: str
    gateway_id: str | None = None


def read_inbound(media: str, body: bytes) -> InboundSms | list[Fault]:
    """``media``: JSON or FORM. Else everything that is wrong with it."""
    fields = _json_fields(body) if media == JSON else _form_fields(body)
    return fields if isinstance(fields, list) else _from_fields(fields)


def repeat_key(account_id: int, sms: InboundSms) -> bytes:
    """The same for what a gateway tells twice: by its own id, or else by all it said."""
    said = (sms.gateway_id,) if sms.gateway_id is not None else (sms.sender, sms.recipient, sms.text)
    return blake2b(orjson.dumps([account_id, *said]), digest_size=16, person=b"inbound sms").digest()


def _json_fields(body: bytes) -> Mapping[str, object] | list[Fault]:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return [Fault("", f"the body is not JSON: {error}")]
    return fields if isinstance(fields, dict) else [Fault("", "the body must be a JSON object")]


def _form_fields(body: bytes) -> Mapping[str, object] | list[Fault]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except UnicodeDecodeError:
        return [Fault("", "the form is not UTF-8")]
    except ValueError:
        return [Fault("", f"more than {_MOST_FIELDS} fields")]
    names = [name for name, _ in pairs]
    twice = [Fault(name, "is given twice") for name in ("from", "to", "text", "id") if names.count(name) > 1]
    return twice or dict(pairs)


def _from_fields(fields: Mapping[str, object]) -> InboundSms | list[Fault]:
    faults: list[Fault] = []
    sender = read_number(_said(fields, "from", faults))
    recipient = read_own_number(_said(fields, "to", faults))
    text = _said(fields, "text", faults)
    gateway_id = _said(fields, "id", faults) if fields.get("id") is not None else ""
    named = {fault.field for fault in faults}
    if sender is None and "from" not in named:
        faults.append(Fault("from", "must be a telephone number with its country code"))
    if recipient is None and "to" not in named:
        faults.append(Fault("to", "must be a telephone number with its country code, or 3 to 8 digits"))
    if len(text) > LONGEST_TEXT:
        faults.append(Fault("text", f"may have at most {LONGEST_TEXT} characters"))
    if len(gateway_id) > LONGEST_ID:
        faults.append(Fault("id", f"may have at most {LONGEST_ID} characters"))
    if faults or sender is None or recipient is None:
        return faults
    return InboundSms(sender, recipient, plain_lines(text), gateway_id or None)


def _said(fields: Mapping[str, object], name: str, faults: list[Fault]) -> str:
    """Numbers and ids come as JSON numbers from some."""
    value = fields.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and name != "text":
        return str(value)
    if isinstance(value, str):
        return value
    faults.append(Fault(name, "is required" if value is None else "must be text"))
    return ""
