"""How the body of a request becomes a value: by its content type, strictly, naming every fault at once. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Generic, TypeVar, get_args

import orjson
from pydantic import TypeAdapter, ValidationError

from services.api.fields import TEXT, RequestModel
from services.api.parse_form import parse_form
from shared.domain.refusal import Fault

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"

Content = TypeVar("Content")
Model = TypeVar("Model", bound=RequestModel)

_PLAIN: Final = {"missing": "is required", "extra_forbidden": "is not a known field"}


@dataclass(frozen=True, slots=True)
class Body(Generic[Content]):
    """``media``: the content types taken, with the type each documents. ``read``: content type, bytes -> value"""

    media: Mapping[str, Any]
    read: Callable[[str, bytes], Content | list[Fault]]


def object_body(kind: Any) -> Body[Any]:
    """One object, as JSON or as a form. ``kind``: a RequestModel, or a union of them told apart by one field."""
    models: tuple[type[RequestModel], ...] = get_args(get_args(kind)[0]) if get_args(kind) else (kind,)
    adapter: TypeAdapter[Any] = TypeAdapter(kind)

    def read(media: str, data: bytes) -> Any:
        parsed = parse_object(media, data)
        if isinstance(parsed, list):
            return parsed
        return validate(adapter, models, parsed, as_text=media == FORM)

    return Body({JSON: kind, FORM: kind}, read)


def parse_object(media: str, data: bytes) -> dict[str, Any] | list[Fault]:
    """What is said by each name, not validated yet; or what is wrong."""
    if media == FORM:
        try:
            return parse_form(data.decode())
        except UnicodeDecodeError:
            return [Fault("", "the form is not UTF-8")]
    value = read_json(data)
    if isinstance(value, Fault):
        return [value]
    return value if isinstance(value, dict) else [Fault("", "the body must be a JSON object")]


def read_json(data: bytes) -> Any | Fault:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return Fault("", f"the body is not JSON: {error}")


def validate(
    adapter: TypeAdapter[Content], models: tuple[type[RequestModel], ...], given: dict[str, Any], *, as_text: bool
) -> Content | list[Fault]:
    """The value, or every fault: within each field and between them."""
    between = [fault for model in models for fault in model.faults_between(given)]
    try:
        content = adapter.validate_python(given, context=TEXT if as_text else None)
    except ValidationError as error:
        within = faults_of(error, tagged=len(models) > 1)
        named = {fault.field for fault in within}
        return within + [fault for fault in between if fault.field not in named]
    return between or content


def faults_of(error: ValidationError, *, tagged: bool = False) -> list[Fault]:
    """``tagged``: places begin with the name of the chosen alternative, which is no field."""
    faults = []
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        place = found["loc"][1:] if tagged and len(found["loc"]) > 1 else found["loc"]
        if found["type"].startswith("union_tag"):
            faults.append(Fault("channel", "must be email or sms"))
        else:
            faults.append(Fault(".".join(map(str, place)), _PLAIN.get(found["type"], found["msg"])))
    return faults


def read_query(model: type[Model], text: str) -> Model | list[Fault]:
    """The query string, without its question mark."""
    parsed = parse_form(text)
    if isinstance(parsed, list):
        return parsed
    return validate(_adapter(model), (model,), parsed, as_text=True)


def given_query(model: type[Model], given: Mapping[str, Any]) -> Model | list[Fault]:
    """The same of arguments that were read already."""
    return validate(_adapter(model), (model,), dict(given), as_text=True)


@cache
def _adapter(model: type[Model]) -> TypeAdapter[Model]:
    return TypeAdapter(model)
