"""The criteria of the query language: what each needs beside its name, and what it then says. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shared.domain.moment_words import Offset, When, read_when
from shared.domain.query_arrays import Entry
from shared.domain.query_values import read_numbers, read_scalars, read_text, read_texts, read_whole
from shared.domain.refusal import Fault
from shared.domain.subscriber_query import (
    LEVELS,
    Bounced,
    Condition,
    Engagement,
    InDomain,
    IsValid,
    LastSeen,
    NotOnList,
    Opens,
    OptedOut,
    SignedUp,
    VarCompares,
    VarEquals,
    VarExists,
    Window,
)

LONGEST_NAME: Final = 255  #: of a list or a var
MOST_DAYS: Final = 36_500
MOST_OPENS: Final = 1_000_000_000

_EVER: Final = ("ever", "not_ever", "never")
_SINCE: Final = ("since_date", "not_since_date", "since_days", "not_since_days")
_DATE: Final = "must be a date, or an offset like -30 days"


@dataclass(slots=True)
class Asked:
    """One criterion with its entries. What is wrong with them is gathered, so a reader need not care.

    ``as_text``: they came from a form, where everything is text.
    """

    criterion: str
    entries: Mapping[str, Entry]
    as_text: bool
    faults: list[Fault] = field(default_factory=list)

    def read(self, name: str, reader: Callable[[object], Any], else_fault: str) -> Any:
        entry = self.entries.get(name)
        if entry is None:
            return None  # is missing, and was said to be
        found = reader(entry.value)
        if found is None:
            self.faults.append(Fault(f"{name}.{entry.place}", else_fault))
        return found


def needs_of(criterion: str, timerange: object) -> Sequence[str]:
    """The arrays in which it must have an entry."""
    if criterion not in CRITERIA:
        return ()
    needs = CRITERIA[criterion][0]
    return (*needs, "value") if "timerange" in needs and timerange in _SINCE else needs


def read_condition(asked: Asked) -> Condition:
    """Of no use where it added to ``asked.faults``."""
    return CRITERIA[asked.criterion][1](asked)


def _var(asked: Asked) -> str:
    name: str = asked.read("field", lambda given: read_text(given, LONGEST_NAME), "must be the name of a var")
    return name


def _equals(asked: Asked) -> Condition:
    scalars = asked.read(
        "value",
        lambda given: read_scalars(given, as_text=asked.as_text),
        "must be plain text, a number, true or false",
    )
    return VarEquals(_var(asked), scalars, negated=asked.criterion == "not")


def _compares(asked: Asked) -> Condition:
    value = asked.read(
        "value",
        lambda given: read_numbers(given, as_text=asked.as_text) or read_texts(given),
        "must be a number or plain text",
    )
    comparison: Any = asked.criterion
    return VarCompares(_var(asked), comparison, value)


def _domain(asked: Asked) -> Condition:
    return InDomain(asked.read("value", read_texts, "must be the name of a domain"))


def _not_on_list(asked: Asked) -> Condition:
    return NotOnList(asked.read("value", read_texts, "must be the name of a list"))


def _engagement(asked: Asked) -> Condition:
    level = asked.read("engagement", lambda given: read_whole(given, LEVELS[-1]), "must be a whole number from 0 to 6")
    return Engagement("min" if asked.criterion == "engagement_min" else "max", level)


def _signed_up(asked: Asked) -> Condition:
    when = asked.read("value", read_when, _DATE)
    return SignedUp("before" if asked.criterion == "signup_before" else "after", when)


def _last_seen(asked: Asked) -> Condition:
    return LastSeen("open" if asked.criterion == "open_time" else "click", _window(asked))


def _opens(asked: Asked) -> Condition:
    return Opens(
        asked.read("compare", _one_of(("min", "max", "gt", "lt", "match")), "must be min, max, gt, lt or match"),
        asked.read("compare_value", lambda given: read_whole(given, MOST_OPENS), "must be a whole number"),
        _window(asked),
    )


def _window(asked: Asked) -> Window:
    words = (*_EVER, *_SINCE)
    timerange: str | None = asked.read("timerange", _one_of(words), f"must be one of {', '.join(words)}")
    if timerange is None or timerange in _EVER:
        return Window(None, negated=timerange != "ever")
    since: When
    if timerange.endswith("days"):
        since = asked.read("value", _days_ago, "must be a number of days")
    else:
        since = asked.read("value", read_when, _DATE)
    return Window(since, negated=timerange.startswith("not_"))


def _days_ago(given: object) -> Offset | None:
    days = read_whole(given, MOST_DAYS)
    return None if days is None else Offset(-days, "day")


def _one_of(words: Sequence[str]) -> Callable[[object], Any]:
    return lambda given: given if given in words else None


def _bounced(asked: Asked) -> Condition:
    return Bounced("soft" if asked.criterion == "status_softbounce" else "hard")


def _opted_out(asked: Asked) -> Condition:
    criterion: Any = asked.criterion
    return OptedOut(criterion)


#: What each needs, and how it is read. One with a timerange needs a value as well, unless the time is ever.
CRITERIA: Final[Mapping[str, tuple[tuple[str, ...], Callable[[Asked], Condition]]]] = {
    **dict.fromkeys(("match", "not"), (("field", "value"), _equals)),
    **dict.fromkeys(("gt", "lt", "min", "max"), (("field", "value"), _compares)),
    "exists": (("field",), lambda asked: VarExists(_var(asked))),
    "valid": ((), lambda asked: IsValid()),
    "domain": (("value",), _domain),
    "list_member_not": (("value",), _not_on_list),
    **dict.fromkeys(("engagement_min", "engagement_max"), (("engagement",), _engagement)),
    **dict.fromkeys(("signup_before", "signup_after"), (("value",), _signed_up)),
    **dict.fromkeys(("open_time", "click_time"), (("timerange",), _last_seen)),
    "daily_open": (("timerange", "compare", "compare_value"), _opens),
    **dict.fromkeys(("status_softbounce", "status_hardbounce"), ((), _bounced)),
    **dict.fromkeys(("optout_blast", "optout_blast_only", "optout_all"), ((), _opted_out)),
}
