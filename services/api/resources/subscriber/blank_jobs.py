"""Takes a person's addresses out of jobs: out of the lines that are not done yet, and of what was asked for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from shared.domain.identifiers import Channel, Instant
from shared.postgres.database import Connection, Database
from shared.postgres.named_queries import load_queries

STATEMENTS = load_queries(Path(__file__).with_name("blank_jobs.sql"))

_FILLER: Final = b"-"
#: What may stand before and behind the characters of another address, or of another number, is no end of this one.
_NOT_WITHIN: Final = rb"(?i)(?<![\w.%%+\x80-\xff-])%b(?!\.?[\w\x80-\xff-])"


@dataclass(frozen=True, slots=True)
class Naming:
    """Where in jobs his addresses stand: (job, piece) of lines, and jobs."""

    pieces: Sequence[tuple[int, int]]
    jobs: Sequence[int]


def without(data: bytes, addresses: Sequence[str]) -> bytes:
    """``data`` as long as it was, its lines and quotes where they were; whatever only contains an address is kept."""
    for address in addresses:
        data = re.sub(_NOT_WITHIN % re.escape(address.encode()), lambda found: _FILLER * len(found[0]), data)
    return data


async def find_naming(database: Database, account_id: int, folded: Sequence[str]) -> Naming:
    """Read once, before anything is locked. ``folded``: addresses in lower case."""
    pieces = await database.fetch(STATEMENTS["pieces_naming"], account_id, folded)
    jobs = await database.fetch(STATEMENTS["jobs_naming"], account_id, folded)
    return Naming([(row["job_id"], row["piece"]) for row in pieces], [row["id"] for row in jobs])


async def blank_jobs(
    connection: Connection, account_id: int, known: Sequence[tuple[Channel, str]], naming: Naming
) -> None:
    addresses = [address for _, address in known]
    for place in naming.pieces:
        data = await connection.fetch_value(STATEMENTS["lock_piece"], *place)
        if data is not None:  # the job has not ended meanwhile
            await connection.execute(STATEMENTS["blank_piece"], *place, without(data, addresses))
    for job in naming.jobs:
        row = await connection.fetch_row(STATEMENTS["lock_job"], job)
        if row is not None:
            told = [orjson.loads(without(orjson.dumps(row[part]), addresses)) for part in ("params", "result")]
            await connection.execute(STATEMENTS["blank_job"], job, *told)
    await connection.execute(STATEMENTS["blank_reports"], account_id, [address.lower() for address in addresses])


async def note_erased(connection: Connection, account_id: int, hashes: Sequence[bytes], now: Instant) -> None:
    """So that no job that was posted before brings him back."""
    await connection.execute(STATEMENTS["note_erased_addresses"], account_id, list(hashes), now)
