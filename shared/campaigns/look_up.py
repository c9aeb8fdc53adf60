"""Looks up what campaigns name: lists, domains, segments and messages, of many campaigns in four statements."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shared.domain.campaign_commands import Known, Named
from shared.domain.identifiers import Channel
from shared.postgres.database import Database
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(slots=True)
class _Found:
    lists: set[int] = field(default_factory=set)
    domains: dict[int, bool] = field(default_factory=dict)
    segments: dict[int, int | None] = field(default_factory=dict)
    messages: dict[int, Channel] = field(default_factory=dict)


async def find_known(database: Database, named: Sequence[Named], *, dns_check: bool) -> dict[int, Known]:
    """What there is of it, by account. ``dns_check``: bounces come only to a domain of which DNS shows that."""
    asked: dict[int, Named] = {}
    for each in named:
        asked[each.account_id] = asked.get(each.account_id, each) | each
    found: defaultdict[int, _Found] = defaultdict(_Found)
    lists, domains, segments, messages = _pairs_of(asked.values())
    for row in await database.fetch(QUERIES["lists_there"], *lists):
        found[row["account_id"]].lists.add(row["id"])
    for row in await database.fetch(QUERIES["domains_there"], *domains, dns_check):
        found[row["account_id"]].domains[row["id"]] = row["bouncing"]
    for row in await database.fetch(QUERIES["segments_there"], *segments):
        found[row["account_id"]].segments[row["id"]] = row["list_id"]
    for row in await database.fetch(QUERIES["messages_there"], *messages):
        found[row["account_id"]].messages[row["id"]] = row["channel"]
    return {account_id: _known(each, found[account_id]) for account_id, each in asked.items()}


def _pairs_of(asked: Collection[Named]) -> list[tuple[list[int], list[int]]]:
    """Accounts and ids, of lists, domains, segments and messages."""
    return [
        _pairs((each.account_id, each.lists) for each in asked),
        _pairs((each.account_id, each.domains) for each in asked),
        _pairs((each.account_id, each.segments) for each in asked),
        _pairs((each.account_id, each.messages) for each in asked),
    ]


def _pairs(ids: Iterable[tuple[int, frozenset[int]]]) -> tuple[list[int], list[int]]:
    pairs = [(account_id, each) for account_id, several in ids for each in several]
    return [account_id for account_id, _ in pairs], [each for _, each in pairs]


def _known(asked: Named, found: _Found) -> Known:
    return Known(asked, frozenset(found.lists), found.domains, found.segments, found.messages)
