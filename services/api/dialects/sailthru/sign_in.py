"""``/job``: who asks, by a signature over what he says or by a key in the header, and what that is.

Whoever signs is known by the body alone, so it is read first: whole, within limits, and only so many large ones at
once.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from aiohttp import web

from services.api import problem
from services.api.authenticate import Authenticator, Caller, key_in
from services.api.credentials import open_account
from services.api.dialects.sailthru.count_calls import QUERIES, count_call, uncounted
from services.api.dialects.sailthru.envelope import refusal
from services.api.dialects.sailthru.read_said import Said, read_said, read_unsigned, spelled
from services.api.dialects.sailthru.read_wire import Wire, read_wire
from services.api.operation import Answer
from services.api.problem import Problem, from_refusal
from services.api.read_request import SAID, TAKEN, ReadBody, Taken
from services.api.resources.job.given import BAD_SIGNATURE, UNKNOWN_KEY, Given
from shared.domain.refusal import Refused
from shared.postgres.database import Database
from shared.runtime import clock

SMALL: Final = 65_536  #: bytes of a body that anybody may send at any time
MOST_LARGE: Final = 16  #: others under way at once, of whoever has not signed in yet


@dataclass(slots=True)
class Sailthru:
    """``secret``: what the accounts' own are sealed under."""

    database: Database
    secret: tuple[bytes, ...]
    authenticator: Authenticator
    _large: int = field(default=0)

    def normal_path(self, path: str) -> str:
        return path

    def spell(self, told: Problem) -> Answer:
        return refusal(told)

    async def find_caller(self, request: web.BaseRequest, path: str) -> Caller | Problem:
        request[SAID] = uncounted(_method(request), clock.now()).headers
        authorization = request.headers.get("Authorization", "")
        return await (self._of_key(request, authorization) if authorization else self._of_signature(request))

    async def _of_key(self, request: web.BaseRequest, authorization: str) -> Caller | Problem:
        caller = await self.authenticator.find_caller(authorization)
        if caller is None:
            return problem.unauthorized()
        counted = await self._count(request, caller)
        if counted is not None or request.method != "POST":
            return counted or caller
        said = await read_said(request)
        given = said if isinstance(said, Problem) else read_unsigned(said)
        return _take(request, given, replace(caller, key=key_in(authorization) or ""))

    async def _of_signature(self, request: web.BaseRequest) -> Caller | Problem:
        said = await self._read(request)
        if isinstance(said, Problem):
            return said
        if said.pairs is None:
            return problem.unauthorized()  # JSON is nothing that anybody signs
        wire = read_wire(said.pairs)
        if isinstance(wire, Refused):
            return from_refusal(wire)
        caller = await self.authenticator.find_caller(f"Bearer {wire.api_key}")
        if caller is None:
            return Problem(401, "Invalid API key", code=UNKNOWN_KEY)
        if not await self._signed(caller, wire):
            return Problem(401, "Authentication failed: it is not the signature of this call", code=BAD_SIGNATURE)
        counted = await self._count(request, caller)
        given = Given(wire.params, said.file, as_text=wire.as_text)
        return counted or _take(request, given, replace(caller, key=wire.api_key))

    async def _read(self, request: web.BaseRequest) -> Said | Problem:
        if request.method != "POST" or (request.content_length is not None and request.content_length <= SMALL):
            return await read_said(request)
        if self._large >= MOST_LARGE:
            return problem.unavailable("too many uploads at once")
        self._large += 1
        try:
            return await read_said(request)
        finally:
            self._large -= 1

    async def _signed(self, caller: Caller, wire: Wire) -> bool:
        row = await self.database.fetch_row(QUERIES["sailthru_secret"], caller.account_id)
        return row is not None and wire.is_signed_by(open_account(self.secret, row)["sailthru_secret"])

    async def _count(self, request: web.BaseRequest, caller: Caller) -> Problem | None:
        counted = await count_call(self.database, caller.account_id, _method(request))
        request[SAID] = counted.headers
        return counted.problem()


def _method(request: web.BaseRequest) -> str:
    return "POST" if request.method == "POST" else "GET"


def _take(request: web.BaseRequest, given: Given | Refused | Problem, caller: Caller) -> Caller | Problem:
    """What was read is handed on to the operation."""
    if isinstance(given, Problem):
        return given
    if isinstance(given, Refused):
        return from_refusal(given)
    if request.method == "POST":
        request[TAKEN] = Taken(body=ReadBody(given, "", spelled(given)))
    else:
        request[TAKEN] = Taken(query=given.params)
    return caller
