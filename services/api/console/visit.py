"""One request to the console, read."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from services.api.authenticate import Caller
from services.api.console.ask import Asking, Found
from services.api.console.live import Live
from services.api.console.reply import Reply
from services.api.console.session import Session
from services.api.operation import WRITERS
from services.api.problem import Problem
from shared.postgres.database import Database


@dataclass(frozen=True, slots=True)
class Visit:
    """``ids``: of the path, in its order. ``form``: what a POST said, without the token. ``message``: what to tell
    above the page. ``still_in``: whether the session goes on.
    """

    asking: Asking
    live: Live
    caller: Caller
    session: Session
    path: str
    ids: tuple[int, ...]
    name: str  #: the word in the path, where it has one
    query: Mapping[str, str]
    form: Mapping[str, str]
    still_in: Callable[[], Awaitable[bool]]
    message: str | None = None

    @property
    def token(self) -> str | None:
        """For the forms of whoever may change something; None: there are none."""
        return self.session.token if self.caller.role in WRITERS else None

    @property
    def scope(self) -> tuple[object, ...]:
        """Whoever has the same sees the same."""
        return (self.caller.account_id, self.caller.only_of_user, self.caller.role)

    @property
    def database(self) -> Database:
        return self.asking.api.database

    def before(self) -> int | None:
        """The id that a listing goes on below; None: from the newest."""
        given = self.query.get("start", "")
        return int(given) if given.isascii() and given.isdecimal() and len(given) < 19 else None

    async def get(self, path: str, **query: str | None) -> Found | Problem:
        """``query``: what is None is not asked for."""
        return await self.asking.get(self.caller, path, {name: value for name, value in query.items() if value})

    async def read(self, *paths: str) -> list[Any] | Problem:
        """The bodies of all, or the first problem."""
        bodies = []
        for path in paths:
            found = await self.get(path)
            if isinstance(found, Problem):
                return found
            bodies.append(found.body)
        return bodies


Handle: TypeAlias = Callable[[Visit], Awaitable[Reply]]
