"""Pages of a listing that is sorted by one of several attributes, ties by id. Pure.

A cursor is ``[sort, key, id]`` of the last row of the page before; a key of null stands for a time that has not come.
"""

import math
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from services.api.paging import Place, bad_cursor, read_cursor
from shared.domain.identifiers import INT63_MAX
from shared.domain.refusal import Refused

Kind = Literal["bigint", "float8", "text"]  #: of an attribute, as Postgres calls it

#: (from the beginning, key, id) of where a page starts.
Start: TypeAlias = tuple[bool, str | float | None, int]

#: Of a resource with a name and an end: the key in SQL and its type. What has not ended sorts as if it ended never.
KEYS: Final[Mapping[str, tuple[str, Kind]]] = {
    "id": ("id", "bigint"),
    "name": ("name", "text"),
    "scheduledtime": ("extract(epoch FROM scheduledtime)::float8", "float8"),
    "endtime": ("coalesce(extract(epoch FROM endtime)::float8, 'infinity')", "float8"),
    "cdate": ("extract(epoch FROM cdate)::float8", "float8"),
}


def statements(text: str) -> dict[str, str]:
    """By what is sorted by, with a minus for the way down: an order is part of a statement, not an argument."""
    return {sign + attribute: _ordered(text, attribute, rising=not sign) for attribute in KEYS for sign in ("", "-")}


def _ordered(text: str, attribute: str, *, rising: bool) -> str:
    key, kind = KEYS[attribute]
    beyond, direction = (">", "ASC") if rising else ("<", "DESC")
    return text.format(key=key, type=kind, beyond=beyond, direction=direction)


def cursor_of(sort: str, row: Mapping[str, Any]) -> Place:
    """``row``: the last of a page, with its ``sort_key`` and ``id``."""
    key = row["sort_key"]
    return [sort, None if isinstance(key, float) and math.isinf(key) else key, row["id"]]


def start_of(sort: str, cursor: str | None) -> Start | Refused:
    if cursor is None:
        return (True, None, 0)
    match read_cursor(cursor):
        case [said, key, int(last)] if said == sort and _is_id(last):
            kept = _key(KEYS[sort.removeprefix("-")][1], key)
            return bad_cursor() if kept is None else (False, kept, last)
        case _:
            return bad_cursor()


def _key(kind: Kind, key: object) -> str | float | None:
    """None: it is no key of that kind."""
    if kind == "text":
        return key if isinstance(key, str) else None
    if kind == "bigint":
        return key if isinstance(key, int) and _is_id(key) else None
    if key is None:
        return math.inf
    return float(key) if isinstance(key, (int, float)) and not isinstance(key, bool) else None


def _is_id(number: int) -> bool:
    return not isinstance(number, bool) and 0 <= number <= INT63_MAX
