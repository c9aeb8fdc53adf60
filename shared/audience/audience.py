"""Whom a search finds at one moment, and how the values of a statement are gathered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from shared.domain.identifiers import Instant
from shared.domain.subscriber_query import Query

NO_LIST: Final = 0  #: stands for a list that is gone: nobody is on it

SqlType: TypeAlias = Literal["text", "text[]", "jsonb[]", "bigint", "bigint[]", "timestamptz", "date"]


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a search finds at one moment. ``list_id``: of this list alone. ``lists``: ids of those the query names."""

    list_id: int | None
    query: Query
    lists: Mapping[str, int]
    at: Instant

    @property
    def source(self) -> tuple[int, ...]:
        return tuple(self.lists.get(name, NO_LIST) for name in self.query.source.lists)

    @property
    def reached_lists(self) -> tuple[int, ...] | None:
        """By which lists people are reached; None: by whichever they are on."""
        return (self.list_id,) if self.list_id is not None else self.source or None

    @property
    def leading_lists(self) -> tuple[int, ...] | None:
        """Nobody is found who is on none of them; None: there is no such list."""
        lists = self.reached_lists
        return lists[:1] if lists and self.query.source.on_all else lists


@dataclass(slots=True)
class Values:
    """The arguments of a statement, each known by its number in it. ``first``: that of the first to be added.

    ``page``: where people are asked page by page, the arguments that say behind whom the page begins and with whom it
    ends.
    """

    first: int
    page: tuple[str, str] | None = None
    args: list[object] = field(default_factory=list)

    def add(self, value: object, sql_type: SqlType) -> str:
        self.args.append(value)
        return f"${self.first + len(self.args) - 1}::{sql_type}"
