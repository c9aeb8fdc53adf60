"""After a kill, what was alone on its Postgres need not wait for its own leases of before."""

from pathlib import Path

from shared.postgres.database import Database
from shared.postgres.named_queries import load_queries

_QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


async def end_reading_leases(database: Database) -> None:
    """For who knows that no other process is on this database. Those of batches stay: their journal comes first."""
    await database.execute(_QUERIES["end_reading_leases"])
