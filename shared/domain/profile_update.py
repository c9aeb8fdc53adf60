"""What is to become of a subscriber: vars set, lists joined and left, an opt-out made or taken back. Pure.

The same words for all subscribers of a job, and on a line of a file for one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, get_args

from shared.domain.refusal import Fault
from shared.domain.subscriber_vars import fault_in_name, fault_in_vars

OptOut: TypeAlias = Literal["none", "basic", "blast", "all"]
OPTOUTS: Final[tuple[OptOut, ...]] = get_args(OptOut)

MOST_LISTS: Final = 100  #: in one update

_ON: Final[tuple[object, ...]] = (1, True, "1", "true")
_OFF: Final[tuple[object, ...]] = (0, False, "0", "false", None, "")


@dataclass(frozen=True, slots=True)
class ProfileUpdate:
    """``lists``: by name, whether to be on it. ``optout`` None: it stays as it is."""

    vars: Mapping[str, Any] = field(default_factory=dict)
    lists: Mapping[str, bool] = field(default_factory=dict)
    optout: OptOut | None = None

    def then(self, later: "ProfileUpdate") -> "ProfileUpdate":
        """Both, one after the other."""
        return ProfileUpdate({**self.vars, **later.vars}, {**self.lists, **later.lists}, later.optout or self.optout)

    def as_json(self) -> dict[str, Any]:
        """``read_update`` reads it back."""
        return {"vars": dict(self.vars), "lists": dict(self.lists), "optout": self.optout}


NO_UPDATE: Final = ProfileUpdate()
KEYS: Final = ("vars", "lists", "optout")


def read_update(given: Mapping[str, Any]) -> ProfileUpdate | list[Fault]:
    """``given``: may hold KEYS alone. PHP writes an empty object as ``[]``."""
    faults = [Fault(str(name), "is not a known key of an update") for name in given if name not in KEYS]
    values = _read_vars(given.get("vars"), faults)
    lists = _read_lists(given.get("lists"), faults)
    optout = given.get("optout")
    if optout not in (None, "", *OPTOUTS):
        faults.append(Fault("optout", f"must be one of {', '.join(OPTOUTS)}"))
    return faults or ProfileUpdate(values, lists, optout or None)


def _read_vars(given: object, faults: list[Fault]) -> dict[str, Any]:
    if given in (None, "", []):
        return {}
    if not isinstance(given, dict):
        faults.append(Fault("vars", "must be an object"))
        return {}
    named = (fault_in_name(name) for name in given)
    faults += [Fault("vars", f"the name of a var {problem}") for problem in named if problem]
    if problem := fault_in_vars(given):
        faults.append(Fault("vars", problem))
    return given


def _read_lists(given: object, faults: list[Fault]) -> dict[str, bool]:
    if given in (None, "", []):
        return {}
    if not isinstance(given, dict):
        faults.append(Fault("lists", "must be an object: 1 or 0 by the name of each list"))
        return {}
    if len(given) > MOST_LISTS:
        faults.append(Fault("lists", f"may name at most {MOST_LISTS} lists"))
    for name, wanted in given.items():
        if problem := fault_in_name(name):
            faults.append(Fault("lists", f"the name of a list {problem}"))
        if isinstance(wanted, (dict, list)) or wanted not in (*_ON, *_OFF):
            faults.append(Fault("lists", "says neither 1 nor 0 of a list"))
    return {name: wanted in _ON for name, wanted in given.items() if not isinstance(wanted, (dict, list))}
