"""The way to Postgres: a pool, transactions, and its errors in our words. The only file that names asyncpg.

All statements have a time limit. Connections act as the role ``postroom_service``: the logs are append-only by grant.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, NamedTuple, Self

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from shared.postgres.said_of_errors import said_of
from shared.postgres.session import IN_NO_SESSION, follow_its_clock, leave_as_it_is, prepare, settings_of
from shared.runtime.tracing import span

SERVICE_ROLE = "postroom_service"
SHOWN = 120  #: characters of a statement in a span; its values are never in it

Row = asyncpg.Record


class DatabaseError(Exception):
    """Postgres did not carry out a statement."""


class Unavailable(DatabaseError):
    """Postgres cannot be reached or cannot be written to; whether a commit under way took place is not known."""


class Contended(DatabaseError):
    """Rolled back for another transaction's sake, as in a deadlock; may be tried again."""


class WrongRole(DatabaseError):
    """Through a pooler a login acts as what its own settings say; as any other role it could change the logs."""


class UniqueViolation(DatabaseError):
    """A row with this key is there already."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


# 25006: read-only after a failover; 57P0x: shut down; 08: connection; 53: out of resources.
_UNAVAILABLE = ("25006", "57P", "08", "53")
_CONTENDED = ("40001", "40P01", "55P03")
# The driver's own: the connection is gone, was lost half way, or leads to a server that takes no writes.
_LOST = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


def translate(error: Exception) -> Exception:
    """Ours for a driver's error; others pass unchanged."""
    if isinstance(error, asyncpg.UniqueViolationError):
        return UniqueViolation(error.constraint_name or "")
    if isinstance(error, asyncpg.PostgresError):
        return _kind_of(error.sqlstate or "")(f"{error.sqlstate}: {said_of(error)}")
    if isinstance(error, _LOST):
        return Unavailable(f"{type(error).__name__}: {error}")
    return error


def _kind_of(sqlstate: str) -> type[DatabaseError]:
    if sqlstate.startswith(_UNAVAILABLE):
        return Unavailable
    return Contended if sqlstate in _CONTENDED else DatabaseError


class Connection:
    """One connection, usually inside a transaction. Statements take positional arguments ($1, $2, ...)."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def _told(self, error: Exception) -> Exception:
        """As ``translate``. Who did not answer in time is not asked to roll back: he would be waited for once more."""
        if isinstance(error, TimeoutError):
            self._driver.terminate()
        return translate(error)

    async def fetch(self, statement: str, *args: object) -> list[Row]:
        try:
            with span("sql", statement=statement[:SHOWN]):
                rows: list[Row] = await self._driver.fetch(statement, *args)
        except Exception as error:
            raise self._told(error) from error
        return rows

    async def fetch_slowly(self, seconds: float, statement: str, *args: object) -> list[Row]:
        """A query that may take so long: one that only reads, and so holds nobody up."""
        try:
            rows: list[Row] = await self._driver.fetch(statement, *args, timeout=seconds)
        except Exception as error:
            raise self._told(error) from error
        return rows

    async def fetch_row(self, statement: str, *args: object) -> Row | None:
        try:
            with span("sql", statement=statement[:SHOWN]):
                row: Row | None = await self._driver.fetchrow(statement, *args)
        except Exception as error:
            raise self._told(error) from error
        return row

    async def fetch_value(self, statement: str, *args: object) -> Any:
        row = await self.fetch_row(statement, *args)
        return None if row is None else row[0]

    async def execute(self, statement: str, *args: object) -> int:
        """The number of rows it touched (0 where the statement has none)."""
        try:
            with span("sql", statement=statement[:SHOWN]):
                status: str = await self._driver.execute(statement, *args)
        except Exception as error:
            raise self._told(error) from error
        count = status.rsplit(" ", 1)[-1]
        return int(count) if count.isdigit() else 0

    async def execute_many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """One round trip for all rows; all or none."""
        try:
            with span("sql", statement=statement[:SHOWN]):
                await self._driver.executemany(statement, rows)
        except Exception as error:
            raise self._told(error) from error

    async def copy_csv(self, statement: str, *args: object) -> tuple[bytes, int]:
        """The rows of a query as CSV without a header, made by Postgres, and how many; a page at a time, as it is
        held in memory.
        """
        csv = bytearray()

        async def take(data: bytes) -> None:
            csv.extend(data)

        try:
            status: str = await self._driver.copy_from_query(statement, *args, output=take, format="csv")
        except Exception as error:
            raise self._told(error) from error
        return bytes(csv), int(status.rsplit(" ", 1)[-1])

    async def copy_rows(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        try:
            with span("sql", statement=f"COPY {table}"):
                await self._driver.copy_records_to_table(table, columns=columns, records=rows)
        except Exception as error:
            raise self._told(error) from error


class PoolUse(NamedTuple):
    """Of the connections of this process: ``used`` of at most ``most``, and so many who wait for one."""

    used: int
    waiting: int
    most: int


class Database:
    """A pool of connections. Each statement outside ``transaction`` is a transaction of its own."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._waiting = 0

    @property
    def use(self) -> PoolUse:
        pool = self._pool
        return PoolUse(pool.get_size() - pool.get_idle_size(), self._waiting, pool.get_max_size())

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        role: str | None = SERVICE_ROLE,
        connections: int = 8,
        statement_seconds: float = 30.0,
        connect_seconds: float = 10.0,
        at_once: bool = True,
        pooled: bool = False,
    ) -> Self:
        """Raises Unavailable. ``role`` None: act as the login itself (migrations). Not ``at_once``: connects when it is
        first used. ``pooled``: the URL leads to a pooler in transaction mode. There a session belongs to nobody: no
        statement is kept in it, and what it is set to, the login's own settings say; raises WrongRole where not.
        """
        try:
            pool = await asyncpg.create_pool(
                url,
                min_size=1 if at_once else 0,
                max_size=connections,
                timeout=connect_seconds,
                command_timeout=statement_seconds,
                target_session_attrs=SessionAttribute.read_write,
                init=prepare,
                reset=leave_as_it_is,
                **(IN_NO_SESSION if pooled else {"server_settings": settings_of(role, statement_seconds)}),
            )
        except Exception as error:
            raise translate(error) from error
        database = cls(pool)
        if at_once:
            await database._begin(role if pooled else None)
        return database

    async def _begin(self, role: str | None) -> None:
        """Asks something: from then on its time is known to whoever looks at the clock before he asks anything."""
        try:
            acts_as = await self.fetch_value("SELECT current_user::text")
        except BaseException:
            await self.close()
            raise
        if role not in (None, acts_as):
            await self.close()
            raise WrongRole(
                f"the login acts as {acts_as}: ALTER ROLE … SET role = '{role}' makes it act as the service"
            )

    async def close(self) -> None:
        try:
            await asyncio.wait_for(self._pool.close(), timeout=5)
        except TimeoutError:
            self._pool.terminate()

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Commits when the block ends well, rolls back otherwise."""
        async with self._connection() as driver:
            try:
                async with driver.transaction():
                    yield Connection(driver)
            except (asyncpg.PostgresError, *_LOST) as error:
                raise translate(error) from error

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        self._waiting += 1
        try:
            driver = await self._pool.acquire(timeout=30)
        except Exception as error:
            raise translate(error) from error
        finally:
            self._waiting -= 1
        try:
            await follow_its_clock(Connection(driver).fetch_value)
            yield driver
        except (Unavailable, asyncpg.ReadOnlySQLTransactionError):
            # A server that lost its primary role keeps answering reads for ever: leave it.
            await self._pool.expire_connections()
            raise
        finally:
            await self._release(driver)

    async def _release(self, driver: Any) -> None:
        # What became of the work is known by now; a connection that cannot be cleaned up is dropped, and that is all.
        with contextlib.suppress(asyncpg.PostgresError, *_LOST):
            await self._pool.release(driver)

    async def fetch(self, statement: str, *args: object) -> list[Row]:
        async with self._connection() as driver:
            return await Connection(driver).fetch(statement, *args)

    async def fetch_row(self, statement: str, *args: object) -> Row | None:
        async with self._connection() as driver:
            return await Connection(driver).fetch_row(statement, *args)

    async def fetch_value(self, statement: str, *args: object) -> Any:
        async with self._connection() as driver:
            return await Connection(driver).fetch_value(statement, *args)

    async def copy_csv(self, statement: str, *args: object) -> tuple[bytes, int]:
        async with self._connection() as driver:
            return await Connection(driver).copy_csv(statement, *args)

    async def execute(self, statement: str, *args: object) -> int:
        async with self._connection() as driver:
            return await Connection(driver).execute(statement, *args)
