"""Renders what ``template_tags`` wrote: conditions, loops and filters, for one recipient at a time. Pure.

The engine is a sandbox with a budget of steps; one step pays for an instruction or 64 octets of text, so that the
budget bounds time and memory at once. It is given data that has no attributes and no methods, and its own functions are
taken away; what reaches it was read by our grammar before.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import minijinja

from shared.domain.identifiers import INT63_MAX
from shared.domain.template import plain_lines, text_of
from shared.domain.template_tags import BLOCK, CONTROL, VALUE

FREE_STEPS: Final = 20_000  #: a list of a thousand, or at most 20 ms
STEP_CHARACTERS: Final = 4  #: of the code: so many more give another step, so that each tag can be done once
MOST_DIGITS: Final = 6  #: behind the point of a rounded number

_NUMBER: Final = re.compile(r"\s*[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?\s*")


class Unrenderable(Exception):
    """This template cannot be rendered for this recipient; the reason names no value of his."""


class Program:
    """A template, made ready once and rendered for each recipient. ``code``: text with the tags of ``template_tags``.

    Raises ValueError if the engine does not understand it.
    """

    def __init__(self, code: str, *, escaped: bool) -> None:
        self._engine = _engine(code, escaped)
        try:
            # Rendered by name it is compiled once; nothing is known yet, and nothing has to be.
            self.render({"vars": Record({}), "list": Record({})})
        except Unrenderable as fault:
            raise ValueError(str(fault)) from fault

    def render(self, names: Mapping[str, object]) -> str:
        """``names``: see ``names_for``. Raises Unrenderable."""
        try:
            return self._engine.render_template("it", **names)
        except minijinja.TemplateError as error:
            # Its sentence may hold what the recipient's data holds, its kind does not.
            if error.kind == "OutOfFuel":
                raise Unrenderable(f"the template takes more than {FREE_STEPS:,} steps") from None
            raise Unrenderable(f"the template cannot be rendered: {error.kind}") from None
        except BaseException as error:
            # A panic of the engine is no Exception, and its class cannot be imported.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            raise Unrenderable(f"the template cannot be rendered: {type(error).__name__}") from None


def names_for(email: str, telephone: str, list_name: str, values: Mapping[str, object]) -> dict[str, object]:
    """What a template can ask for."""
    return {"vars": Record(values), "email": email, "telephone": telephone, "list": Record({"name": list_name})}


class Record:
    """An object of JSON: its members and nothing else. A dict would show its methods, and lose members called alike."""

    __slots__ = ("_members",)

    def __init__(self, members: Mapping[str, object]) -> None:
        self._members = members

    def __getitem__(self, name: str) -> object:
        return _plain(self._members[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


class Items:
    """An array of JSON, likewise."""

    __slots__ = ("_items",)

    def __init__(self, items: Sequence[object]) -> None:
        self._items = items

    def __getitem__(self, number: int) -> object:
        return _plain(self._items[number])

    def __len__(self) -> int:
        return len(self._items)


class _Texts(Items):
    """As they are printed; made one by one, so that each is paid for."""

    __slots__ = ()

    def __getitem__(self, number: int) -> str:
        return text_of(self._items[number])


# Only so does the engine look into them; what these classes inherit would be seen by templates.
Mapping.register(Record)
Sequence.register(Items)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return Record(value)
    return Items(value) if isinstance(value, list) else value


def _engine(code: str, escaped: bool) -> minijinja.Environment:
    engine = minijinja.Environment(
        templates={"it": code},
        filters=_FILTERS,
        debug=False,
        fuel=FREE_STEPS + len(code) // STEP_CHARACTERS,
        undefined_behavior="chainable",
        auto_escape_callback=lambda name: escaped,
        keep_trailing_newline=True,
        finalizer=_printed,
        block_start_string=BLOCK[0],
        block_end_string=BLOCK[1],
        variable_start_string=VALUE[0],
        variable_end_string=VALUE[1],
        comment_start_string=f"{CONTROL}#",
        comment_end_string=f"#{CONTROL}",
        pycompat=False,
    )
    for name in list(engine.globals):
        engine.remove_global(name)
    return engine


def _printed(value: object) -> str:
    """What becomes of any value in a text: the same as in a template that is cut into pieces."""
    return plain_lines(text_of(value))


def _default(value: object, other: object) -> object:
    """For whatever would print nothing."""
    return value if _printed(value) else other


def _text(value: object) -> str:
    return text_of(value)


def _texts(value: object) -> object:
    return _Texts(value._items) if isinstance(value, Items) else ()


def _items(value: object) -> object:
    return value if isinstance(value, Items) else ()


def _holder(value: object) -> object:
    if isinstance(value, Items):
        return _texts(value)
    return value if isinstance(value, Record) else text_of(value)


def _size(value: object) -> int:
    return len(value) if isinstance(value, Items | Record | str) else 0


def _number(value: object) -> float | int | None:
    """A number, or a text that says one."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) and abs(value) <= INT63_MAX else None


def _decimal(value: object) -> float:
    return float(_number(value) or 0)


def _whole(value: object) -> int:
    return int(_number(value) or 0)


def _rounded(value: object, digits: int) -> object:
    """Halves go up, as everybody but a computer expects. What is no number prints nothing."""
    number = _number(value)
    if number is None:
        return ""
    exact = Decimal(str(number)).quantize(Decimal(1).scaleb(-min(digits, MOST_DIGITS)), ROUND_HALF_UP)
    return float(exact) if digits else int(exact)


def _equals(value: object, other: object) -> bool:
    """As they are printed, or as numbers. A list or an object equals nothing."""
    if isinstance(value, Items | Record) or isinstance(other, Items | Record):
        return False
    numbers = _number(value), _number(other)
    return text_of(value) == text_of(other) or (None not in numbers and numbers[0] == numbers[1])


def _among(value: object, others: Iterable[object]) -> bool:
    return any(_equals(value, other) for other in others)


def _below(value: object, other: object) -> bool:
    number, limit = _number(value), _number(other)
    if number is not None and limit is not None:
        return number < limit
    return isinstance(value, str) and isinstance(other, str) and value < other


def _up_to(value: object, other: object) -> bool:
    return _below(value, other) or (_printed(value) != "" and _equals(value, other))


_FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "default": _default,
    "text": _text,
    "texts": _texts,
    "items": _items,
    "holder": _holder,
    "equals": _equals,
    "among": _among,
    "below": _below,
    "up_to": _up_to,
    "size": _size,
    "decimal": _decimal,
    "whole": _whole,
    "rounded": _rounded,
}
