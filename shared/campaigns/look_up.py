"""Looks up what campaigns name: lists, domains, segments and messages, of many campaigns in four statements."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shared.domain.campaign import Campaign
from shared.domain.campaign_commands import Known
from shared.domain.identifiers import Channel
from shared.postgres.database import Database
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class Named:
    """Ids that somebody of an account has named."""

    account_id: int
    lists: frozenset[int] = frozenset()
    domains: frozenset[int] = frozenset()
    segments: frozenset[int] = frozenset()
    messages: frozenset[int] = frozenset()

    def __or__(self, other: "Named") -> "Named":
        return Named(
            self.account_id,
            self.lists | other.lists,
            self.domains | other.domains,
            self.segments | other.segments,
            self.messages | other.messages,
        )


@dataclass(slots=True)
class _Found:
    lists: set[int] = field(default_factory=set)
    domains: dict[int, bool] = field(default_factory=dict)
    segments: dict[int, int | None] = field(default_factory=dict)
    messages: dict[int, Channel] = field(default_factory=dict)


def named_in(campaign: Campaign) -> Named:
    return Named(
        campaign.account_id,
        frozenset({campaign.list_id}),
        frozenset() if campaign.domain_id is None else frozenset({campaign.domain_id}),
        frozenset(campaign.segments),
        frozenset(payload.message_id for payload in campaign.payloads),
    )


async def find_known(database: Database, named: Sequence[Named], *, dns_check: bool) -> dict[int, Known]:
    """What there is of it, by account. ``dns_check``: bounces come only to a domain of which DNS shows that."""
    found: defaultdict[int, _Found] = defaultdict(_Found)
    for row in await database.fetch(QUERIES["lists_there"], *_pairs((each.account_id, each.lists) for each in named)):
        found[row["account_id"]].lists.add(row["id"])
    domains = _pairs((each.account_id, each.domains) for each in named)
    for row in await database.fetch(QUERIES["domains_there"], *domains, dns_check):
        found[row["account_id"]].domains[row["id"]] = row["bouncing"]
    segments = _pairs((each.account_id, each.segments) for each in named)
    for row in await database.fetch(QUERIES["segments_there"], *segments):
        found[row["account_id"]].segments[row["id"]] = row["list_id"]
    messages = _pairs((each.account_id, each.messages) for each in named)
    for row in await database.fetch(QUERIES["messages_there"], *messages):
        found[row["account_id"]].messages[row["id"]] = row["channel"]
    return {each.account_id: _known(found[each.account_id]) for each in named}


def _pairs(ids: Iterable[tuple[int, frozenset[int]]]) -> tuple[list[int], list[int]]:
    pairs = [(account_id, each) for account_id, several in ids for each in several]
    return [account_id for account_id, _ in pairs], [each for _, each in pairs]


def _known(found: _Found) -> Known:
    return Known(frozenset(found.lists), found.domains, found.segments, found.messages)
