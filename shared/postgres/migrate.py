"""Brings a database to the newest schema: numbered files in order, each once, in one transaction each.

Forward only. A file that was applied and has changed since is an error: history is not edited. Services may be at work
meanwhile: a lock is waited for only shortly, as everybody else waits behind who waits for it, and then tried again.
"""

import asyncio
import contextlib
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from shared.postgres.database import Connection, Contended, Database
from shared.runtime import crash_points

MIGRATIONS = Path(__file__).resolve().parents[2] / "deploy" / "migrations"

_NUMBERED = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")
TRIES = 60  #: of one migration
PAUSE_SECONDS = 0.5  #: between two

_NOT_LONG = "SET LOCAL lock_timeout = '1s'"
_LOCK = 7_265_736  # any number of our own: one migration at a time in a database
_TABLE = """
CREATE TABLE IF NOT EXISTS migration (
    number      integer PRIMARY KEY,
    name        text        NOT NULL,
    checksum    text        NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT now()
)"""


class MigrationChanged(Exception):
    """A migration that was applied to this database reads otherwise now."""


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    statements: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.statements.encode()).hexdigest()


def read_migrations(folder: Path) -> list[Migration]:
    found = [(match, path) for path in sorted(folder.glob("*.sql")) if (match := _NUMBERED.match(path.name))]
    return [Migration(int(match[1]), path.name, path.read_text(encoding="utf-8")) for match, path in found]


async def migrate(url: str, folder: Path = MIGRATIONS) -> list[str]:
    """Applies what is missing, then the grants; answers the names applied. Raises MigrationChanged, DatabaseError."""
    database = await Database.connect(url, role=None, connections=1, statement_seconds=3600.0)
    try:
        grants = (folder / "grants.sql").read_text(encoding="utf-8")
        migrations = read_migrations(folder)
        applied = []
        for each in migrations:
            if await _patiently(partial(_apply, database, each)):
                crash_points.reached("migration.applied")
                applied.append(each.name)
        await _patiently(partial(_grant, database, grants))
        return applied
    finally:
        await database.close()


async def _patiently(work: Callable[[], Awaitable[bool]]) -> bool:
    """Again and again while services that are at work have the locks. Raises Contended after the last try."""
    for _ in range(TRIES - 1):
        with contextlib.suppress(Contended):
            return await work()
        await asyncio.sleep(PAUSE_SECONDS)
    return await work()


async def _apply(database: Database, migration: Migration) -> bool:
    """Whether it was due."""
    async with database.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(_TABLE)
        if not await _is_due(connection, migration):
            return False
        await connection.execute(_NOT_LONG)
        await connection.execute(migration.statements)
        crash_points.reached("migration.applying")
        await _record(connection, migration)
        crash_points.reached("migration.noted")
    return True


async def _grant(database: Database, grants: str) -> bool:
    async with database.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(_NOT_LONG)
        await connection.execute(grants)
        crash_points.reached("migration.granting")
    return True


async def _is_due(connection: Connection, migration: Migration) -> bool:
    known = await connection.fetch_value("SELECT checksum FROM migration WHERE number = $1", migration.number)
    if known is not None and known != migration.checksum:
        raise MigrationChanged(f"{migration.name} was applied with other contents")
    return known is None


async def _record(connection: Connection, migration: Migration) -> None:
    await connection.execute(
        "INSERT INTO migration (number, name, checksum) VALUES ($1, $2, $3)",
        migration.number,
        migration.name,
        migration.checksum,
    )
