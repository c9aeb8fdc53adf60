"""The ledger of an account in a test: set, read, and replayed from its events alone."""

from typing import cast

from shared.domain import ledger
from shared.domain.identifiers import Instant, ledger_stream
from shared.domain.ledger import Ledger
from shared.event_store.on_postgres import PostgresEventStore
from shared.ledger.balances import read_ledger, set_terms_in
from shared.postgres.database import Database

ACCOUNT_ID = 1


async def allow(database: Database, **terms: int | None) -> Ledger:
    """Changes these allowances, as an operator would."""
    async with database.transaction() as connection:
        return await set_terms_in(connection, ACCOUNT_ID, terms, Instant(1_000.0), 1)


async def history_of(database: Database) -> list[ledger.Event]:
    recorded = await PostgresEventStore(database).read_stream(ledger_stream(ACCOUNT_ID))
    assert [each.version for each in recorded] == list(range(1, len(recorded) + 1))
    return [cast(ledger.Event, each.event) for each in recorded]


async def charged(database: Database) -> int:
    """What the account is charged in all; row, replay and the sets of whom it was charged for say the same."""
    row = await read_ledger(database, ACCOUNT_ID)
    assert ledger.replay(await history_of(database)) == row
    in_sets = await database.fetch_value("SELECT coalesce(sum(units * cardinality), 0)::bigint FROM charge")
    assert in_sets == row.charged
    return row.charged
