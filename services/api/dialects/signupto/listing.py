"""Pages of rows, sorted by one of several attributes: an order is part of a statement, so each has its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.api.dialects.signupto.arguments import Kind, Paging, key_of, read_start
from shared.domain.refusal import Refused
from shared.postgres.database import Connection, Database, Row
from shared.postgres.named_queries import load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("pages.sql"))


@dataclass(frozen=True, slots=True)
class SortKey:
    """``sql``: the key in the statement."""

    sql: str
    kind: Kind


ID: Final = SortKey("id", "bigint")


class Pages:
    """``name``: of a statement with the words {key}, {type}, {from} and {direction}; its last four arguments are
    whether to begin at the beginning, the key and the id to begin with, and the limit.
    """

    def __init__(self, name: str, keys: Mapping[str, SortKey]) -> None:
        self._keys = keys
        self._statements = {
            (attribute, reverse): _ordered(QUERIES[name], key, reverse=reverse)
            for attribute, key in keys.items()
            for reverse in (False, True)
        }

    async def read(
        self, source: Database | Connection, filters: Sequence[object], paging: Paging, sort: str = "id"
    ) -> list[Row] | Refused:
        """The page, and the row behind it if there is one."""
        kind, start = self._keys[sort].kind, (True, None, 0)
        if paging.start is not None:
            place = read_start(paging.start, kind)
            if isinstance(place, Refused):
                return place
            start = (False, key_of(place, kind), place.first_id(reverse=paging.reverse))  # type: ignore[assignment]  # no key at first
        return await source.fetch(self._statements[sort, paging.reverse], *filters, *start, paging.count + 1)


def _ordered(statement: str, key: SortKey, *, reverse: bool) -> str:
    words = {"from": "<=", "direction": "DESC"} if reverse else {"from": ">=", "direction": "ASC"}
    return statement.format(key=key.sql, type=key.kind, **words)
