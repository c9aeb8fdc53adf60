"""Bodies of this dialect. Its clients know no types: in JSON as in a form a number is taken for the text of it, and
text for the number or the flag it spells. Pure.
"""

from typing import Any

from pydantic import TypeAdapter

from services.api.body import FORM, JSON, Body, parse_object, validate
from services.api.fields import RequestModel


def loose_body(model: type[RequestModel]) -> Body[Any]:
    adapter: TypeAdapter[Any] = TypeAdapter(model)

    def read(media: str, data: bytes) -> Any:
        # One client posts JSON under its HTTP library's default, which is the type of a form.
        given = parse_object(JSON if data.lstrip()[:1] in (b"{", b"[") else media, data)
        if isinstance(given, list):
            return given
        return validate(adapter, (model,), {name: _loose(value) for name, value in given.items()}, as_text=True)

    return Body({JSON: model, FORM: model}, read)


def _loose(value: object) -> object:
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
