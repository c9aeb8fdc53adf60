"""Writes a query over subscribers in its wire form, one spelling for each query: stored so, and answered so. Pure.

``read_subscriber_query`` reads it back to the very same query.
"""

from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from shared.domain.moment_words import Offset, write_when
from shared.domain.query_criteria import MOST_DAYS
from shared.domain.subscriber_query import (
    Bounced,
    Condition,
    Engagement,
    InDomain,
    IsValid,
    LastSeen,
    NotOnList,
    Opens,
    OptedOut,
    Query,
    Scalar,
    SignedUp,
    Source,
    VarCompares,
    VarEquals,
    VarExists,
    Window,
)

_ORDER = ("criteria", "field", "value", "engagement", "timerange", "compare", "compare_value")


def to_json(query: Query) -> dict[str, Any]:
    """Every array has an entry for each criterion, null where it needs none; arrays that nobody needs are left out."""
    columns = [_columns(condition) for condition in query.conditions]
    arrays = {name: [column.get(name) for column in columns] for name in _ORDER}
    used = {name: array for name, array in arrays.items() if any(entry is not None for entry in array)}
    return {**_source(query.source), "query_mode": query.mode, **used}


def _source(source: Source) -> dict[str, Any]:
    match source.lists:
        case ():
            return {}
        case (name,) if name not in (".multiple", ".multiple-all"):
            return {"source_list": name}
        case names:
            return {
                "source_list": ".multiple-all" if source.on_all else ".multiple",
                "multiple_source_list": list(names),
            }


def _columns(condition: Condition) -> Mapping[str, Any]:
    """The entry of each array."""
    match condition:
        case VarEquals() | VarCompares() | VarExists():
            return _of_var(condition)
        case LastSeen() | Opens():
            return _of_past(condition)
        case InDomain(domains):
            return {"criteria": "domain", "value": _values(domains)}
        case NotOnList(lists):
            return {"criteria": "list_member_not", "value": _values(lists)}
        case Engagement(comparison, level):
            return {"criteria": f"engagement_{comparison}", "engagement": level}
        case SignedUp(side, when):
            return {"criteria": f"signup_{side}", "value": write_when(when)}
        case IsValid():
            return {"criteria": "valid"}
        case Bounced(how):
            return {"criteria": f"status_{how}bounce"}
        case OptedOut(criterion):
            return {"criteria": criterion}
        case _:
            assert_never(condition)


def _of_var(condition: VarEquals | VarCompares | VarExists) -> Mapping[str, Any]:
    match condition:
        case VarEquals(name, values, negated):
            return {"criteria": "not" if negated else "match", "field": name, "value": _values(values)}
        case VarCompares(name, comparison, values):
            return {"criteria": comparison, "field": name, "value": _values(values)}
        case VarExists(name):
            return {"criteria": "exists", "field": name}
        case _:
            assert_never(condition)


def _of_past(condition: LastSeen | Opens) -> Mapping[str, Any]:
    match condition:
        case LastSeen(what, window):
            return {"criteria": f"{what}_time", **_window(window)}
        case Opens(compare, count, window):
            return {"criteria": "daily_open", "compare": compare, "compare_value": count, **_window(window)}
        case _:
            assert_never(condition)


def _window(window: Window) -> Mapping[str, Any]:
    negation = "not_" if window.negated else ""
    match window.since:
        case None:
            return {"timerange": f"{negation}ever"}
        case Offset(amount, "day") if -MOST_DAYS <= amount <= 0:
            return {"timerange": f"{negation}since_days", "value": -amount}
        case since:
            return {"timerange": f"{negation}since_date", "value": write_when(since)}


def _values(values: Sequence[Scalar]) -> Scalar | list[Scalar]:
    """A single one as itself, unless it would be read as several."""
    if len(values) == 1 and not (isinstance(values[0], str) and "|" in values[0]):
        return values[0]
    return list(values)
