"""The ledger of an account in the database: one row, locked before it changes, and the event that says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.domain import ledger
from shared.domain.identifiers import Instant, ledger_stream
from shared.domain.ledger import Ledger, Terms, evolve, set_terms
from shared.event_store.interface import Actor, StreamAppend, Write
from shared.event_store.on_postgres import append_to_locked
from shared.postgres.database import Connection, Database, Row
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class LockedLedger:
    """Nobody else changes it until the transaction ends."""

    connection: Connection
    account_id: int
    version: int
    state: Ledger

    async def record(self, event: ledger.Event, user_id: int | None = None) -> None:
        """One event, the last thing done with it. ``user_id`` None: the service itself."""
        append = StreamAppend(ledger_stream(self.account_id), self.version, [event], Actor(self.account_id, user_id))
        await append_to_locked(self.connection, append)
        write = _balance_row(self.account_id, self.version + 1, evolve(self.state, event))
        await self.connection.execute(write.statement, *write.args)


async def lock_ledger(connection: Connection, account_id: int) -> LockedLedger | None:
    """None: the account was never metered. Of several accounts the lower one is locked first."""
    row = await connection.fetch_row(QUERIES["lock_balance"], account_id)
    return LockedLedger(connection, account_id, row["version"], _state(row)) if row else None


async def read_ledger(database: Database, account_id: int) -> Ledger:
    row = await database.fetch_row(QUERIES["read_balance"], account_id)
    return _state(row) if row else Ledger()


async def set_terms_in(
    connection: Connection, account_id: int, wish: Mapping[str, int | None], now: Instant, user_id: int
) -> Ledger:
    """``wish``: the allowances to change, by name; the others stay. Answers what holds now."""
    await connection.execute(QUERIES["open_balance"], account_id)
    locked = await lock_ledger(connection, account_id)
    if locked is None:
        raise LookupError(f"the balance of account {account_id} was made and is not there")
    had = locked.state.terms
    names = ("credit", "quota", "overage")
    wanted = Terms(*(wish.get(name, allowance) for name, allowance in zip(names, had.as_tuple, strict=True)))
    for event in set_terms(locked.state, wanted, now):
        await locked.record(event, user_id)
    return Ledger(wanted, locked.state.charged)


def begin_ledger(account_id: int, terms: Terms, now: Instant, user_id: int) -> tuple[list[StreamAppend], list[Write]]:
    """The ledger of an account that is being made: stream and row, none where nothing is metered."""
    events = set_terms(Ledger(), terms, now)
    if not events:
        return [], []
    stream = StreamAppend(ledger_stream(account_id), 0, events, Actor(account_id, user_id))
    return [stream], [_balance_row(account_id, len(events), ledger.replay(events))]


def _balance_row(account_id: int, version: int, state: Ledger) -> Write:
    return Write(QUERIES["write_balance"], (account_id, version, *state.terms.as_tuple, state.charged))


def _state(row: Row) -> Ledger:
    return Ledger(Terms(row["credit"], row["quota"], row["overage"]), row["charged"])
