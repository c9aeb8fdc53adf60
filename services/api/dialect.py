"""How the requests below one prefix sign in, and how what is no success is spelled to them.

Operations, validation, limits and repeats are the same for all dialects: a dialect is the outermost layer alone.
"""

from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from services.api import problem
from services.api.authenticate import Authenticator, Caller
from services.api.operation import Answer
from services.api.problem import CONTENT_TYPE, Problem


class Dialect(Protocol):
    def normal_path(self, path: str) -> str:
        """The path that routes are looked up by."""
        ...

    async def find_caller(self, request: web.BaseRequest, path: str) -> Caller | Problem:
        """Who asks. Raises Unavailable."""
        ...

    def spell(self, told: Problem) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Native:
    """Postroom's own: keys, and problem documents."""

    authenticator: Authenticator

    def normal_path(self, path: str) -> str:
        return path

    async def find_caller(self, request: web.BaseRequest, path: str) -> Caller | Problem:
        return await self.authenticator.find_caller(request.headers.get("Authorization", "")) or problem.unauthorized()

    def spell(self, told: Problem) -> Answer:
        return Answer(told.body(), told.status, told.headers, CONTENT_TYPE)
