"""Reads what is projected of the delivery log: who is in which set, and how many hits there were when.

Each answer is one statement, so it is one moment, and of the live generation also while a rebuild takes its place.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pyroaring import BitMap

from shared.delivery_log.chunks import decode_chunk
from shared.delivery_log.source import Source
from shared.domain.delivery import Derived, Kind
from shared.domain.identifiers import shard_of
from shared.domain.visits import clicked_as_people_do
from shared.postgres.database import Row
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


async def read_sets(source: Source, task_id: int, kinds: Iterable[Kind]) -> dict[Kind, BitMap]:
    """Who is in each of ``kinds``; a kind without anybody is an empty set."""
    wanted = list(kinds)
    rows = await source.fetch(QUERIES["sets_of_task"], shard_of(task_id), task_id, wanted)
    return _sets(wanted, rows)


async def read_chunk(source: Source, task_id: int, chunk: int, kinds: Iterable[Kind]) -> dict[Kind, BitMap]:
    """As ``read_sets``, of ``chunk * 65,536`` and the 65,535 ordinals after it: a listing takes one after the other."""
    wanted = list(kinds)
    rows = await source.fetch(QUERIES["sets_of_chunk"], shard_of(task_id), task_id, wanted, chunk)
    return _sets(wanted, rows)


async def read_people(source: Source, task_id: int) -> dict[Kind, BitMap] | None:
    """Who opened, and who clicked, at least once as people do. None: counted before machines were told from people.

    To be asked after ``read_sets``: whoever is in one of these was in the set of the kind before.
    """
    rows = await source.fetch(QUERIES["derived_sets"], shard_of(task_id), task_id, list(Derived))
    if not any(row["rules"] for row in rows):
        return None
    sets: dict[Derived, dict[int, BitMap]] = {derived: {} for derived in Derived}
    for row in rows:
        if row["kind"] is not None:
            visits = sets[Derived(row["kind"])]
            visits[row["visit"]] = visits.get(row["visit"], BitMap()) | decode_chunk(row["bits"])
    return {
        Kind.OPENED: sets[Derived.HUMAN_OPENED].get(0, BitMap()),
        Kind.CLICKED: clicked_as_people_do(sets[Derived.HUMAN_CLICKED], sets[Derived.BURST]),
    }


async def read_counts(source: Source, task_ids: Sequence[int]) -> dict[int, dict[Kind, int]]:
    """How many recipients are in the set of each kind, for each of the tasks; a kind without anybody is missing."""
    counts: dict[int, dict[Kind, int]] = {task_id: {} for task_id in task_ids}
    for row in await source.fetch(QUERIES["set_counts"], list(counts), list(Kind)):
        counts[row["task_id"]][Kind(row["kind"])] = row["members"]
    return counts


async def read_link_counts(source: Source, task_id: int) -> dict[int, int]:
    """How many recipients clicked each link, by its number (from 1); a link nobody clicked is missing."""
    rows = await source.fetch(QUERIES["link_counts"], shard_of(task_id), task_id, Kind.CLICKED)
    return {row["link"]: row["members"] for row in rows}


async def read_totals(source: Source, task_id: int) -> dict[tuple[Kind, int], int]:
    """Hits by (kind, link), repeats included; link 0 is all hits of the kind."""
    rows = await source.fetch(QUERIES["hit_totals"], shard_of(task_id), task_id)
    return {(Kind(row["kind"]), row["link"]): row["hits"] for row in rows}


async def read_series(source: Source, task_id: int) -> list[tuple[int, Kind, int]]:
    """(minute, kind, hits) in that order, minutes as unix time / 60; a minute without hits is missing."""
    rows = await source.fetch(QUERIES["hit_series"], shard_of(task_id), task_id)
    return [(row["minute"], Kind(row["kind"]), row["hits"]) for row in rows]


def _sets(wanted: Iterable[Kind], rows: Iterable[Row]) -> dict[Kind, BitMap]:
    sets = {kind: BitMap() for kind in wanted}
    for row in rows:
        sets[Kind(row["kind"])] |= decode_chunk(row["bits"])
    return sets
