"""Reads a query over subscribers from its wire form: every fault at once, each by the name of its place. Pure.

The form is an object: ``source_list``, ``multiple_source_list``, ``query_mode``, and parallel arrays (``criteria``,
``value``, ``field``, ...) with an entry for each criterion: see docs/reference/queries.md.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from shared.domain.query_arrays import Arrays, assign, read_arrays
from shared.domain.query_criteria import CRITERIA, LONGEST_NAME, Asked, needs_of, read_condition
from shared.domain.query_values import read_text
from shared.domain.refusal import Fault
from shared.domain.subscriber_query import Condition, Opens, Query, Source

MOST_LISTS: Final = 50  #: in a source
MOST_DAILY: Final = 5  #: daily_open with a window: each adds up the days of every person

#: ``value`` last: who needs one depends on the others.
_AUXILIARY: Final = (
    *("field", "engagement", "threshold", "geo_frequency", "timerange", "use_geo", "radius"),
    *("compare", "compare_value", "value"),
)
_KEYS: Final = frozenset({"source_list", "multiple_source_list", "query_mode", "criteria", *_AUXILIARY})
_MULTIPLE: Final = (".multiple", ".multiple-all")
_NOTHING: Final[tuple[object, ...]] = (None, "", [])


class BadQuery(Exception):
    """A stored query that this version cannot read."""


def read_query(given: object, *, as_text: bool = False, stored: bool = False) -> Query | list[Fault]:
    """``as_text``: of a form. There a text that looks like a number or a boolean is compared as that as well.
    ``stored``: it was taken before, by whatever limit there was then.
    """
    if given == []:  # PHP writes an empty object so
        given = {}
    if not isinstance(given, dict):
        return [Fault("", "a query must be an object")]
    faults = [Fault(str(key)[:LONGEST_NAME], "is not a known key of a query") for key in given if key not in _KEYS]
    source = _read_source(given.get("source_list"), given.get("multiple_source_list"), faults)
    mode = given.get("query_mode")
    if mode not in (*_NOTHING, "and", "or"):
        faults.append(Fault("query_mode", "must be and or or"))
    arrays = read_arrays(given, ("criteria", *_AUXILIARY))
    conditions = _read_conditions(arrays, as_text=as_text)
    faults += arrays.faults
    if not stored and not faults:
        faults += _too_dear(arrays.entries["criteria"], conditions)
    return faults or Query(source, "or" if mode == "or" else "and", tuple(conditions))


def from_json(stored: Mapping[str, Any]) -> Query:
    """What ``write_subscriber_query.to_json`` has written. Raises BadQuery."""
    found = read_query(dict(stored), stored=True)
    if isinstance(found, list):
        raise BadQuery("; ".join(f"{fault.field}: {fault.message}" for fault in found))
    return found


def _read_source(name: object, several: object, faults: list[Fault]) -> Source:
    if name in _MULTIPLE:
        names = _read_names(several, faults)
        return Source(names, on_all=name == ".multiple-all" and len(names) > 1)
    if several not in _NOTHING:
        faults.append(Fault("multiple_source_list", "goes with the source_list .multiple or .multiple-all"))
    if name in _NOTHING:
        return Source()
    one = read_text(name, LONGEST_NAME)
    if one is None:
        faults.append(Fault("source_list", "must be the name of a list, .multiple or .multiple-all"))
    return Source((one,) if one else ())


def _read_names(given: object, faults: list[Fault]) -> tuple[str, ...]:
    listed = list(given.values()) if isinstance(given, dict) else given
    names = [read_text(name, LONGEST_NAME) for name in listed] if isinstance(listed, list) else []
    known = tuple(dict.fromkeys(name for name in names if name is not None))
    if not names or None in names:
        faults.append(Fault("multiple_source_list", "must be an array of names of lists"))
    if len(known) > MOST_LISTS:
        faults.append(Fault("multiple_source_list", f"may name at most {MOST_LISTS} lists"))
    return known


def _read_conditions(arrays: Arrays, *, as_text: bool) -> list[Condition]:
    criteria = {index: str(name) for index, name in arrays.entries["criteria"].items()}
    assigned: dict[str, Mapping[int, Any]] = {}
    for name in _AUXILIARY:
        assigned[name] = assign(arrays, name, criteria, _needing(name, criteria, assigned.get("timerange", {})))
    conditions = []
    for index, criterion in criteria.items():
        entries = {name: found[index] for name, found in assigned.items() if index in found}
        if criterion not in CRITERIA:
            arrays.faults.append(Fault(f"criteria.{index}", f"there is no criterion {criterion[:LONGEST_NAME]!r}"))
            continue
        timerange = entries["timerange"].value if "timerange" in entries else None
        missing = [name for name in needs_of(criterion, timerange) if name not in entries]
        arrays.faults += [Fault(f"{name}.{index}", f"is missing: {criterion} needs it") for name in missing]
        asked = Asked(criterion, entries, as_text)
        conditions.append(read_condition(asked))
        arrays.faults += asked.faults
    return conditions


def _too_dear(places: Iterable[int], conditions: Iterable[Condition]) -> list[Fault]:
    """``places``: of the conditions."""
    asked = zip(places, conditions, strict=True)
    daily = [place for place, each in asked if isinstance(each, Opens) and each.window.since is not None]
    return [
        Fault(f"criteria.{place}", f"is too much: at most {MOST_DAILY} daily_open may have a window")
        for place in daily[MOST_DAILY:]
    ]


def _needing(name: str, criteria: Mapping[int, str], timeranges: Mapping[int, Any]) -> list[int]:
    """The criteria that must have an entry in this array, by index."""
    return [
        index
        for index, criterion in criteria.items()
        if name in needs_of(criterion, timeranges[index].value if index in timeranges else None)
    ]
