"""What a reader needs of Postgres: a pool or one connection, whichever the caller has."""

from typing import Protocol

from shared.postgres.database import Row


class Source(Protocol):
    async def fetch(self, statement: str, *args: object) -> list[Row]: ...
