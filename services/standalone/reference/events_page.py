"""docs/reference/events.md: every event that is stored, with its fields, from the table of their names."""

import inspect
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final, Literal, NewType, Union, get_args, get_origin, get_type_hints

from typing_extensions import is_typeddict

from services.api.published.catalogue import PUBLISHED
from services.standalone.reference.markdown import page, table
from shared.domain.delivery import EVENTS, Kind
from shared.domain.identifiers import Instant
from shared.event_store.codec import BY_NAME

_HEAD: Final = """What happened to everything that is no recipient, under the name by which it is stored, with the
fields as they are stored: no address is one. Fields are only ever added, and no name is used for anything else. Times
are unix seconds. On the bus are those marked *bus*: exchange `postroom.events`, the name is the routing key, the
CloudEvents type has `postroom.` before it, and `data` is led by the id and the `version` of what it happened to. Of
`sms.received` the bus tells number and text as well: see [receive SMS](../how-to/receive-sms.md)."""
_DELIVERIES: Final = """## What becomes of recipients

Kinds of segments of the delivery log, each a set of [ordinals](../concepts/ordinals-and-sets.md). Those marked *event*
are told by reports and contact records; the others are what Postroom itself knows about an attempt."""

_PLAIN: Final[Mapping[Any, str]] = {int: "integer", str: "text", bool: "boolean", float: "number", type(None): "null"}


def events_page() -> str:
    rows = [[f"`{name}`", _on_bus(name), ", ".join(_fields(kind)), _told(kind)] for name, kind in BY_NAME.items()]
    kinds = [[f"`{kind.name.lower()}`", str(kind.value), "event" if kind in EVENTS else ""] for kind in Kind]
    events = table(["event", "", "fields", ""], rows)
    return page("Events", _HEAD, events, _DELIVERIES, table(["kind", "number", ""], kinds))


def _on_bus(name: str) -> str:
    return "bus" if name.partition(".")[0] in PUBLISHED else ""


def _told(kind: type[Any]) -> str:
    """What the code says of it; the text that a dataclass gives itself says nothing."""
    told = inspect.getdoc(kind) or ""
    return "" if told.startswith(f"{kind.__name__}(") else re.sub(r"``([^`]*)``", r"`\1`", " ".join(told.split()))


def _fields(kind: type[Any]) -> Iterator[str]:
    hints = get_type_hints(kind)
    for field in fields(kind):
        yield f"`{field.name}`: {type_name(hints[field.name])}"


def type_name(hint: Any) -> str:
    """As JSON has it."""
    if hint is Instant:
        return "time"
    if isinstance(hint, NewType):
        return type_name(hint.__supertype__)
    if hint in _PLAIN:
        return _PLAIN[hint]
    return _compound(hint)


def _compound(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(type_name(each) for each in arguments))
    if origin in (tuple, list):
        return f"list of {type_name(arguments[0])}"
    if (origin is not None and issubclass(origin, Mapping)) or is_dataclass(hint) or is_typeddict(hint) or hint is Any:
        return "object"
    raise TypeError(f"no word for {hint}")
