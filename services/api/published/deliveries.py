"""Segments of the delivery log as the messages that tell of them: whose they are, and who has which number."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from services.api.published.envelope import Person, delivery_envelopes
from shared.bus.interface import EventEnvelope
from shared.delivery_log.source import Source
from shared.delivery_log.tail import RecordedSegment
from shared.event_store.interface import TailPosition
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))

#: By task, who has which ordinal of it.
People = Mapping[int, Mapping[int, Person]]


async def read_reached(source: Source) -> dict[int, TailPosition]:
    """How far the bus has heard of each shard of the delivery log. Raises DatabaseError."""
    rows = await source.fetch(QUERIES["deliveries_reached"])
    return {row["shard"]: TailPosition(row["store_epoch"], row["xid"], row["position"]) for row in rows}


async def tell_segments(source: Source, segments: Iterable[RecordedSegment]) -> list[EventEnvelope]:
    """In the order given; segments without hits have nothing to tell. Raises DatabaseError."""
    telling = [segment for segment in segments if len(segment.hits)]
    if not telling:
        return []
    tasks = sorted({segment.task_id for segment in telling})
    accounts = {row["id"]: row["account_id"] for row in await source.fetch(QUERIES["accounts_of_tasks"], tasks)}
    people = await read_people(source, telling)
    return [
        envelope
        for segment in telling
        if segment.task_id in accounts
        for envelope in delivery_envelopes(segment, accounts[segment.task_id], people[segment.task_id])
    ]


async def read_people(source: Source, segments: Sequence[RecordedSegment]) -> People:
    """Of everybody in the segments: a statement a task, so that each goes to one partition by its key."""
    wanted: dict[int, set[int]] = {}
    for segment in segments:
        wanted.setdefault(segment.task_id, set()).update(segment.hits.ordinals)
    found: dict[int, dict[int, Person]] = {}
    for task_id, ordinals in wanted.items():
        rows = await source.fetch(QUERIES["people_of_task"], task_id, sorted(ordinals))
        found[task_id] = {row["ordinal"]: (row["subscriber_id"], row["external_id"]) for row in rows}
    return found
