"""A hint as bytes and back. Pure; strict when reading, since anything may lie in a queue."""

import json
from dataclasses import dataclass
from typing import TypeGuard

from shared.bus.interface import TOPICS, Hint
from shared.runtime.tracing import read_traceparent

LONGEST_BYTES = 512
MOST_EXTRA = 8


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why these bytes are no hint, in words that repeat nothing of them."""

    reason: str


def encode_hint(hint: Hint) -> bytes:
    """JSON: `{"topic": "batches_ready", "key": 7, "extra": [12]}`, and `traceparent` where there is one."""
    fields: dict[str, object] = {"topic": hint.topic, "key": hint.key, "extra": hint.extra}
    if hint.traceparent:
        fields["traceparent"] = hint.traceparent
    return json.dumps(fields, separators=(",", ":")).encode()


def decode_hint(body: bytes) -> Hint | Unreadable:
    if len(body) > LONGEST_BYTES:
        return Unreadable(f"{len(body)} bytes, more than the {LONGEST_BYTES} of a hint")
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return Unreadable("not JSON")
    if not isinstance(fields, dict) or fields.keys() - {"traceparent"} != {"topic", "key", "extra"}:
        return Unreadable("not an object of topic, key and extra")
    traceparent = fields.get("traceparent")
    if traceparent is not None and not (isinstance(traceparent, str) and read_traceparent(traceparent)):
        return Unreadable("traceparent is none")
    return _from_fields(fields["topic"], fields["key"], fields["extra"], traceparent)


def _from_fields(topic: object, key: object, extra: object, traceparent: str | None) -> Hint | Unreadable:
    if topic not in TOPICS:
        return Unreadable("unknown topic")
    if not _is_number(key):
        return Unreadable("key is no number from 0 to 2**63 - 1")
    if not isinstance(extra, list) or len(extra) > MOST_EXTRA or not all(map(_is_number, extra)):
        return Unreadable(f"extra is not a list of at most {MOST_EXTRA} such numbers")
    return Hint(topic, key, tuple(extra), traceparent)


def _is_number(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < 2**63
