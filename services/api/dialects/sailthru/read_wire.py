"""What a call says, whichever way it came: signed fields with the call as JSON in one of them, or every parameter a
field of its own, or plain JSON with a key in the header. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from services.api.parse_form import grow_fields
from services.api.resources.job.given import MISSING, OTHER
from shared.domain.refusal import Fault, Refused
from shared.domain.sailthru_signature import is_signed

Pairs = Sequence[tuple[str, str]]

_ENVELOPE: Final = ("api_key", "format", "json", "sig")
BAD_UTF8: Final = 6
DEEPEST: Final = 32  #: levels of the JSON of a call: more than any parameter may have


@dataclass(frozen=True, slots=True)
class Wire:
    """``pairs``: every field but ``sig``, for the signature is over the values of them all. ``params``: of the call.

    ``as_text``: the parameters were fields, so that all of them are text.
    """

    api_key: str
    signature: str
    pairs: Pairs
    params: dict[str, Any]
    as_text: bool

    def is_signed_by(self, secret: str) -> bool:
        return is_signed(secret, (value for _, value in self.pairs), self.signature)


def read_wire(pairs: Pairs) -> Wire | Refused:
    fields = dict(pairs)
    missing = [name for name in ("api_key", "sig") if not fields.get(name)]
    if missing:
        return refuse(MISSING, *(Fault(name, f"Missing required parameter: {name}") for name in missing))
    twice = {name for name in _ENVELOPE if sum(name == given for given, _ in pairs) > 1}
    if twice:
        return refuse(OTHER, *(Fault(name, "is given twice") for name in sorted(twice)))
    rest = [(name, value) for name, value in pairs if name not in _ENVELOPE]
    params = grow_fields(rest) if "json" not in fields else read_params(fields["json"], rest)
    if isinstance(params, list):
        return refuse(OTHER, *params)
    signed = [(name, value) for name, value in pairs if name != "sig"]
    return Wire(fields["api_key"], fields["sig"], signed, params, as_text="json" not in fields)


def read_params(text: str | bytes, beside: Pairs = ()) -> dict[str, Any] | list[Fault]:
    """The parameters of a call in JSON, beside which no others may stand."""
    if beside:
        return [Fault(name, "must stand in json") for name, _ in beside]
    try:
        params = orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError) as error:
        return [Fault("json", f"is not JSON: {error}")]
    if params == []:  # PHP writes an empty object so
        return {}
    if not isinstance(params, dict):
        return [Fault("json", "must be an object")]
    return [Fault("json", f"is nested deeper than {DEEPEST}")] if _is_deeper(params, DEEPEST) else params


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(each, levels - 1) for each in inner)


def refuse(code: int, *faults: Fault) -> Refused:
    return Refused("invalid", faults, code=code)
