"""A query over subscribers, parsed and checked: whom a search finds. Pure.

The same language for searches, segments and jobs. Its wire form is read by ``read_subscriber_query`` and written by
``write_subscriber_query``; what each condition means of a person is said once, in shared/audience/queries.sql.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from shared.domain.moment_words import When

Scalar: TypeAlias = str | int | float | bool
Comparison = Literal["gt", "lt", "min", "max"]  #: above, below, at least, at most
CountComparison = Literal["gt", "lt", "min", "max", "match"]
Mode = Literal["and", "or"]

LEVELS: Final = range(7)  #: of engagement


@dataclass(frozen=True, slots=True)
class Source:
    """Whom the conditions are asked of: whoever is on one of the lists, or on every one. No lists: everybody."""

    lists: tuple[str, ...] = ()
    on_all: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Since a moment (None: ever). ``negated``: the opposite, so whoever never did is in it."""

    since: When | None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class VarEquals:
    """One of ``values``, of the same JSON type; or an array that holds one. ``negated``: also who lacks the var."""

    field: str
    values: tuple[Scalar, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class VarCompares:
    """With one of ``values``: numbers with numbers, or text with text by its code points."""

    field: str
    comparison: Comparison
    values: tuple[float, ...] | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VarExists:
    field: str


@dataclass(frozen=True, slots=True)
class IsValid:
    """No hard bounce and no opt-out."""


@dataclass(frozen=True, slots=True)
class InDomain:
    """Of the email address, in whatever case."""

    domains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotOnList:
    """On none of them."""

    lists: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Engagement:
    comparison: Literal["min", "max"]
    level: int  #: one of LEVELS


@dataclass(frozen=True, slots=True)
class SignedUp:
    """The first of the signups on the lists of the source; without a source: when the person became known."""

    side: Literal["before", "after"]  #: a signup at that very moment is after
    when: When


@dataclass(frozen=True, slots=True)
class LastSeen:
    """The last open, or the last click."""

    what: Literal["open", "click"]
    window: Window


@dataclass(frozen=True, slots=True)
class Opens:
    """How many opens there were. A window is whole days in UTC, its first one included."""

    comparison: CountComparison
    count: int
    window: Window


@dataclass(frozen=True, slots=True)
class Bounced:
    how: Literal["soft", "hard"]


@dataclass(frozen=True, slots=True)
class OptedOut:
    criterion: Literal["optout_blast", "optout_blast_only", "optout_all"]


Condition: TypeAlias = (
    VarEquals
    | VarCompares
    | VarExists
    | IsValid
    | InDomain
    | NotOnList
    | Engagement
    | SignedUp
    | LastSeen
    | Opens
    | Bounced
    | OptedOut
)


@dataclass(frozen=True, slots=True)
class Query:
    """Without conditions: the whole source."""

    source: Source = Source()
    mode: Mode = "and"
    conditions: tuple[Condition, ...] = ()


def lists_named(query: Query) -> tuple[str, ...]:
    """Every list the query names, each once."""
    excluded = (name for condition in query.conditions if isinstance(condition, NotOnList) for name in condition.lists)
    return tuple(dict.fromkeys((*query.source.lists, *excluded)))
