"""What is to become of a subscriber: vars set and removed, lists joined and left, an opt-out made or taken back. Pure.

The same words for all subscribers of a job, and on a line of a file for one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias, get_args

from shared.domain.identifiers import Instant
from shared.domain.refusal import Fault
from shared.domain.signup_date import read_signup_date
from shared.domain.subscriber_vars import fault_in_name, fault_in_vars

OptOut: TypeAlias = Literal["none", "basic", "blast", "all"]
OPTOUTS: Final[tuple[OptOut, ...]] = get_args(OptOut)

MOST_LISTS: Final = 100  #: in one update
MOST_DELETED: Final = 1_000  #: vars, in one update

_ON: Final[tuple[object, ...]] = (1, True, "1", "true")
_OFF: Final[tuple[object, ...]] = (0, False, "0", "false", None, "")


@dataclass(frozen=True, slots=True)
class ProfileUpdate:
    """``lists``: by name, whether to be on it. ``optout`` None: it stays as it is. ``delete_vars``: names that ``vars``
    has none of. ``signup_date``: of the subscriptions that the update makes; None: the moment it is made.
    """

    vars: Mapping[str, Any] = field(default_factory=dict)
    lists: Mapping[str, bool] = field(default_factory=dict)
    optout: OptOut | None = None
    delete_vars: frozenset[str] = frozenset()
    signup_date: datetime | None = None

    def then(self, later: "ProfileUpdate") -> "ProfileUpdate":
        """Both, one after the other."""
        kept = {name: value for name, value in self.vars.items() if name not in later.delete_vars}
        return ProfileUpdate(
            {**kept, **later.vars},
            {**self.lists, **later.lists},
            later.optout or self.optout,
            (self.delete_vars - later.vars.keys()) | later.delete_vars,
            later.signup_date or self.signup_date,
        )

    def as_json(self) -> dict[str, Any]:
        """``stored_update`` reads it back."""
        told = {"vars": dict(self.vars), "lists": dict(self.lists), "optout": self.optout}
        signup = self.signup_date and self.signup_date.isoformat()
        return {**told, "delete_vars": sorted(self.delete_vars), "signup_date": signup}


NO_UPDATE: Final = ProfileUpdate()
SIGNUP_DATE: Final = "signup_date"
KEYS: Final = ("vars", "lists", "optout", "delete_vars", SIGNUP_DATE)


def stored_update(told: Mapping[str, Any]) -> ProfileUpdate:
    """``told``: as ``as_json`` said it, now or before there was all of it."""
    signup = told.get(SIGNUP_DATE)
    deleted = frozenset(told.get("delete_vars", ()))
    return ProfileUpdate(
        told["vars"], told["lists"], told["optout"], deleted, datetime.fromisoformat(signup) if signup else None
    )


def read_update(given: Mapping[str, Any], now: Instant) -> ProfileUpdate | list[Fault]:
    """``given``: may hold KEYS alone. PHP writes an empty object as ``[]``. ``now``: the moment of asking."""
    faults = [Fault(str(name), "is not a known key of an update") for name in given if name not in KEYS]
    values = _read_vars(given.get("vars"), faults)
    lists = _read_lists(given.get("lists"), faults)
    optout = given.get("optout")
    if optout not in (None, "", *OPTOUTS):
        faults.append(Fault("optout", f"must be one of {', '.join(OPTOUTS)}"))
    deleted = _read_names(given.get("delete_vars"), faults)
    if both := sorted(deleted & values.keys()):
        faults.append(Fault("delete_vars", f"names {both[0]!r}, which vars sets"))
    signup = _read_signup(given.get(SIGNUP_DATE), now, faults)
    return faults or ProfileUpdate(values, lists, optout or None, deleted, signup)


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


def _read_names(given: object, faults: list[Fault]) -> frozenset[str]:
    if given in (None, "", []):
        return frozenset()
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        faults.append(Fault("delete_vars", "must be an array of names of vars"))
        return frozenset()
    if len(given) > MOST_DELETED:
        faults.append(Fault("delete_vars", f"may name at most {MOST_DELETED} vars"))
    problems = (fault_in_name(name) for name in given)
    faults += [Fault("delete_vars", f"the name of a var {problem}") for problem in problems if problem]
    return frozenset(given)


def _read_signup(given: object, now: Instant, faults: list[Fault]) -> datetime | None:
    if given in (None, ""):
        return None
    found = read_signup_date(given, now)
    if isinstance(found, datetime):
        return found
    faults.append(Fault(SIGNUP_DATE, found))
    return None


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
