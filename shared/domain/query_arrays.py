"""The parallel arrays of a query's wire form, sorted out: which entry belongs to which criterion. Pure.

An array may come as a list, or as an object whose keys are indices. One that is shorter than ``criteria`` is read by
index if that serves every criterion that needs an entry; else its n-th entry belongs to the n-th criterion that needs
one. What stands at the place of a criterion that does not need it is a placeholder, and so is null.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from shared.domain.refusal import Fault

MOST_CRITERIA: Final = 100

_INDEX = re.compile(r"0|[1-9][0-9]{0,5}")

Array: TypeAlias = dict[int, object]  #: entries that are not null, by index


@dataclass(frozen=True, slots=True)
class Entry:
    place: int  #: its own index, which need not be that of the criterion
    value: object


@dataclass(slots=True)
class Arrays:
    """``lengths``: up to the last index, entries that are null included."""

    entries: dict[str, Array]
    lengths: dict[str, int]
    faults: list[Fault]


def read_arrays(given: Mapping[str, object], names: Sequence[str]) -> Arrays:
    arrays = Arrays({}, {}, [])
    for name in names:
        found = _read_array(name, given.get(name), arrays.faults)
        arrays.lengths[name] = max(found, default=-1) + 1
        arrays.entries[name] = {index: value for index, value in sorted(found.items()) if value is not None}
    return arrays


def _read_array(name: str, given: object, faults: list[Fault]) -> Array:
    if given is None or given == "":
        return {}
    if isinstance(given, list):
        given = {str(index): value for index, value in enumerate(given)}
    if not isinstance(given, dict):
        faults.append(Fault(name, "must be an array"))
        return {}
    if len(given) > MOST_CRITERIA:
        faults.append(Fault(name, f"may have at most {MOST_CRITERIA} entries"))
        return {}
    faults += [Fault(f"{name}.{key}", "is not an index") for key in given if not _INDEX.fullmatch(str(key))]
    return {int(key): value for key, value in given.items() if _INDEX.fullmatch(str(key))}


def assign(arrays: Arrays, name: str, criteria: Mapping[int, str], needing: Sequence[int]) -> dict[int, Entry]:
    """The entry of each criterion in ``needing`` (indices, rising) that has one; and faults for what is left over."""
    entries = arrays.entries[name]
    by_index = {index: Entry(index, entries[index]) for index in needing if index in entries}
    shorter = arrays.lengths[name] < arrays.lengths["criteria"]
    if len(by_index) == len(needing) or not shorter or len(entries) < len(needing):
        leftover = [index for index in entries if index not in criteria]
        assigned = by_index
    else:
        assigned = {index: Entry(place, value) for index, (place, value) in zip(needing, entries.items(), strict=False)}
        leftover = list(entries)[len(needing) :]
    arrays.faults += [Fault(f"{name}.{place}", "belongs to no criterion") for place in leftover]
    return assigned
