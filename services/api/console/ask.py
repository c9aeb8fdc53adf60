"""The console asks what the API's operations answer: the same handlers, the same rules, without a way over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import orjson

from services.api import problem
from services.api.authenticate import Caller
from services.api.body import JSON, given_query
from services.api.idempotency import forget
from services.api.operation import Answer, Api, Call, Stream
from services.api.problem import Problem
from services.api.routing import Routes
from shared.domain.refusal import Refused

NOTHING: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Found:
    """``next``: the cursor of the page behind this one. ``total``: of a listing."""

    body: Any
    total: int = 0
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    api: Api
    routes: Routes

    async def get(self, caller: Caller, path: str, query: Mapping[str, str] = NOTHING) -> Found | Problem:
        """Raises what handlers raise."""
        return await self._ask(caller, "GET", path, query, {})

    async def send(
        self, caller: Caller, method: str, path: str, content: Mapping[str, Any] = NOTHING
    ) -> Found | Problem:
        return await self._ask(caller, method, path, NOTHING, content)

    async def _ask(
        self, caller: Caller, method: str, path: str, query: Mapping[str, str], content: Mapping[str, Any]
    ) -> Found | Problem:
        found = self.routes.find(path)
        operation = found[0].operation(method) if found else None
        if found is None or operation is None:
            return problem.not_found()
        if caller.role not in operation.roles:
            return problem.forbidden(caller.role)
        asked = given_query(operation.query, query)
        said = operation.body.read(JSON, orjson.dumps(dict(content))) if operation.body else None
        faults = [fault for part in (asked, said) if isinstance(part, list) for fault in part]
        if faults:
            return problem.invalid(faults)
        call: Call[Any, Any] = Call(caller, found[1], asked, said, path, JSON, forget)
        return await _found(await operation.handler(self.api, call))


async def _found(answer: Answer | Stream | Refused) -> Found | Problem:
    if isinstance(answer, Refused):
        return problem.from_refusal(answer)
    body = (
        answer.body if isinstance(answer, Answer) else orjson.loads(b"".join([piece async for piece in answer.pieces]))
    )
    return Found(body, int(answer.headers.get("X-Total-Count", 0)), _next(answer.headers.get("Link", "")))


async def _whole(stream: Stream) -> bytes:
    return b"".join([piece async for piece in stream.pieces])


def _next(link: str) -> str | None:
    target = link.partition("<")[2].partition(">")[0]
    return dict(parse_qsl(urlsplit(target).query)).get("start")
