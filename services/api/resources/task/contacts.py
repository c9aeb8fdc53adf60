"""The contact records of a task, merged with what became of each recipient, chunk by chunk in flat memory."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from pyroaring import BitMap

from services.api.moments import moment
from services.api.resources.task.read import QUERIES
from services.api.resources.task.schema import ContactAnswer, ContactQuery, InDoubt
from services.api.resources.task.select_contacts import (
    EVENT_KINDS,
    NOTED_KINDS,
    Findings,
    page_of,
    select,
    slices,
    states_by_ordinal,
)
from shared.delivery_log.chunks import split_by_chunk
from shared.delivery_log.ordinal_sets import read_sets
from shared.delivery_log.segments import decode_hits
from shared.domain.delivery import Kind
from shared.domain.identifiers import Channel
from shared.domain.recipient_states import State
from shared.postgres.database import Database, Row

ROWS_AT_ONCE: Final = 1_000
SEGMENTS_AT_ONCE: Final = 200

Sets = Mapping[Kind, BitMap]


@dataclass(frozen=True, slots=True)
class Listing:
    """``total``: all that fit the filters. ``more``: there are some behind this page."""

    page: BitMap
    sets: Sets
    total: int
    more: bool


async def list_contacts(database: Database, task: Row, query: ContactQuery, after: int) -> Listing:
    """Who is on the page. ``after``: the last ordinal of the page before, -1 for the first."""
    sets = await read_sets(database, task["id"], list(Kind))
    audience = BitMap(range(task["recipients"] or 0))
    selected = select(audience, sets, query.state, query.event, query.in_doubt)
    page, more = page_of(selected, after, query.count)
    return Listing(page, sets, len(selected), more)


async def read_contacts(database: Database, task: Row, listing: Listing) -> AsyncIterator[list[ContactAnswer]]:
    """The page in pieces. What is asked of the log later is there for all whom the sets name: they follow it."""
    for _, members in split_by_chunk(listing.page):
        findings = Findings(members.min(), members.max())
        await _gather(database, task["id"], findings)
        states = states_by_ordinal(members, listing.sets)
        for ordinals in slices(members, ROWS_AT_ONCE):
            records = await database.fetch(QUERIES["contact_records"], task["id"], ordinals)
            yield [
                _answer(task["channel"], record, states[record["ordinal"]], listing.sets, findings)
                for record in records
            ]


async def _gather(database: Database, task_id: int, findings: Findings) -> None:
    last: tuple[int, int, int] = (-(2**63), -1, -1)
    while True:
        rows = await database.fetch(
            QUERIES["segments_covering"], task_id, findings.first, findings.last, NOTED_KINDS, *last, SEGMENTS_AT_ONCE
        )
        for row in rows:
            findings.add(Kind(row["kind"]), decode_hits(row["hits"]))
        if len(rows) < SEGMENTS_AT_ONCE:
            return
        last = (rows[-1]["batch"], rows[-1]["epoch"], rows[-1]["part"])


def _answer(channel: Channel, record: Row, state: State, sets: Sets, findings: Findings) -> ContactAnswer:
    ordinal: int = record["ordinal"]
    # A time is told once the sets know it, so that states, filters and times never contradict each other.
    times = {
        name: moment(time) if ordinal in sets[kind] and (time := findings.time(kind, ordinal)) else None
        for name, kind in EVENT_KINDS.items()
    }
    line: dict[str, Any] = {
        "ordinal": ordinal,
        "subscriber_id": record["subscriber_id"],
        "email" if channel == "email" else "telephone": record["address"] or None,  # erased
        "state": state,
        "reason": findings.reason(state, ordinal),
        "in_doubt": _in_doubt(sets, ordinal),
        **times,
    }
    return cast(ContactAnswer, line)


def _in_doubt(sets: Sets, ordinal: int) -> InDoubt | None:
    if ordinal in sets[Kind.HELD]:
        return "held"
    return "resent" if ordinal in sets[Kind.RESENT] else None
