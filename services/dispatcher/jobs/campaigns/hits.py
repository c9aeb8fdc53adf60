"""Reads the log of a range of recipients."""

from typing import Final

from services.dispatcher.decisions.recipient_times import KINDS, RecipientTimes
from services.dispatcher.jobs.campaigns.read import QUERIES
from shared.delivery_log.segments import decode_hits
from shared.domain.delivery import Kind
from shared.postgres.database import Database

SEGMENTS_AT_ONCE: Final = 200


async def read_times(database: Database, task_id: int, first: int, last: int) -> RecipientTimes:
    """Of the ordinals ``first`` to ``last``, at one moment: a click is there once, whatever is merged meanwhile."""
    times = RecipientTimes(first, last)
    place: tuple[int, int, int] = (-(2**63), -1, -1)
    async with database.transaction() as connection:
        await connection.execute(QUERIES["at_one_moment"])
        while True:
            rows = await connection.fetch(
                QUERIES["hits_covering"], task_id, first, last, list(KINDS), *place, SEGMENTS_AT_ONCE
            )
            for row in rows:
                times.add(Kind(row["kind"]), decode_hits(row["hits"]))
            if len(rows) < SEGMENTS_AT_ONCE:
                return times
            place = (rows[-1]["batch"], rows[-1]["epoch"], rows[-1]["part"])
