"""One request, from bytes to answer: route, caller, query, body, repeat, handler. The same way for every operation."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, Final, Protocol

import orjson
import structlog
from aiohttp import web

from services.api import problem
from services.api.authenticate import Authenticator, Caller
from services.api.body import given_query, read_query
from services.api.call_pace import CallPace
from services.api.dialect import Dialect, Native
from services.api.fair_turns import FairTurns
from services.api.idempotency import CONSTRAINT, HEADER, Repeatable, body_hash, first_answer, forget, is_key
from services.api.metrics import Metrics, known_method
from services.api.operation import Answer, Api, Call, Operation, Stream
from services.api.problem import Problem
from services.api.read_request import SAID, TAKEN, ReadBody, read_body
from services.api.routing import Routes
from shared.domain.refusal import Fault, Refused
from shared.event_store.interface import VersionConflict
from shared.postgres.database import Unavailable, UniqueViolation
from shared.runtime import crash_points, tracing
from shared.runtime.clock import monotonic, random_bytes
from shared.runtime.time_limit import TimeLimit

log = structlog.get_logger(__name__)

MOST_REQUESTS: Final = 4096  #: under way at once; one more is turned away
REQUEST_SECONDS: Final = 60.0  #: until an answer begins
MOST_HANDLED: Final = 128  #: of those whose body was read; the others wait, the accounts in turn
SMALL_BODY: Final = 65_536  #: bytes of a body that is read whoever else sends one
MOST_LARGE: Final = 16  #: larger ones, and those that do not say, at once

_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Server": "postroom"}

_ANY_ROOM: Final = nullcontext()

#: Who asks for what everybody may have.
NOBODY: Final = Caller(account_id=0, user_id=0, role="reader")

Outcome = Answer | Stream | Problem


@dataclass(frozen=True, slots=True)
class Page:
    """Something served to everybody: health, metrics, the description of the API."""

    content_type: str
    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


PageMaker = Callable[[], Page | Awaitable[Page]]


class Beside(Protocol):
    """Whoever answers some paths otherwise than by operations."""

    def takes(self, target: str) -> bool: ...

    def close(self) -> None:
        """Ends what would never end by itself."""
        ...

    async def respond(self, request: web.BaseRequest) -> tuple[str, web.StreamResponse]:
        """Its label in the metrics, and what was answered: everything that may go wrong is."""
        ...


@dataclass(slots=True)
class Server:
    """``pages``: what GET answers without a key, by path; called anew each time. ``changed``: told of each change.

    ``dialects``: by the first segment of the paths that speak them; all others speak the native one.
    """

    api: Api
    routes: Routes
    authenticator: Authenticator
    metrics: Metrics
    pages: Mapping[str, PageMaker]
    changed: Callable[[], None]  #: rung after each request that may have changed something
    beside: Beside
    pace: CallPace
    dialects: Mapping[str, Dialect] = field(default_factory=dict)
    _under_way: int = 0
    _limit: TimeLimit = field(default_factory=lambda: TimeLimit(REQUEST_SECONDS))
    _handling: FairTurns = field(default_factory=lambda: FairTurns(MOST_HANDLED, MOST_HANDLED * 3 // 4))
    _large: FairTurns = field(default_factory=lambda: FairTurns(MOST_LARGE, MOST_LARGE // 2))

    def __post_init__(self) -> None:
        self.metrics.under_way.set_function(lambda: self._under_way)

    async def respond(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = tracing.asked_by(request.headers.get("traceparent"), random_bytes)
        with asked, tracing.span("http", method=known_method(request.method)):
            return await self._timed(request)

    async def _timed(self, request: web.BaseRequest) -> web.StreamResponse:
        began = monotonic()
        self._under_way += 1
        try:
            label, response = await self._respond(request)
        finally:
            self._under_way -= 1
        took = None if response.content_type == "text/event-stream" else monotonic() - began
        self.metrics.count_request(request.method, label, response.status, took)
        if request.method not in ("GET", "HEAD") and response.status < 400:
            log.info("request answered", action="request_answered", route=label, status=response.status)
            self.changed()
            crash_points.reached("api.answering")
        return response

    async def _respond(self, request: web.BaseRequest) -> tuple[str, web.StreamResponse]:
        if self.beside.takes(request.raw_path) and self._under_way <= MOST_REQUESTS:
            return await self.beside.respond(request)
        dialect = self._dialect(request.raw_path)
        label, outcome = await self._guarded(request, dialect)
        return label, await _send(request, dialect.spell(outcome) if isinstance(outcome, Problem) else outcome)

    def _dialect(self, target: str) -> Dialect:
        prefix = target.partition("?")[0].lstrip("/").partition("/")[0]
        return self.dialects.get(prefix) or Native(self.authenticator)

    async def _guarded(self, request: web.BaseRequest, dialect: Dialect) -> tuple[str, Outcome | Page]:
        if self._under_way > MOST_REQUESTS:
            return "", problem.unavailable("too many requests at once")
        path = dialect.normal_path(request.raw_path.partition("?")[0])
        page = self.pages.get(path)
        if page is not None:
            return path, await _made(page) if request.method in ("GET", "HEAD") else problem.method_not_allowed(
                ["GET", "HEAD"]
            )
        found = self.routes.find(path)
        if found is None:
            return "", problem.not_found()
        route, ids = found
        operation = route.operation(request.method)
        if operation is None:
            return route.path, problem.method_not_allowed(route.allowed)
        try:
            with self._limit.kept():
                caller = NOBODY if operation.public else await dialect.find_caller(request, path)
                if isinstance(caller, Problem):
                    return route.path, caller
                if pause := await self.pace.seconds_to_wait(caller.paced_by):
                    return route.path, problem.too_many(pause)
                room = self._large.turn(caller.account_id) if _has_large_body(request) else _ANY_ROOM
                async with room:
                    return route.path, await self._answer(request, path, operation, caller, ids)
        except (Unavailable, TimeoutError, VersionConflict) as error:
            log.warning(
                "request turned away", action="request_unavailable", route=route.path, error=type(error).__name__
            )
            return route.path, problem.unavailable("this cannot be done at the moment; ask again")
        except UniqueViolation as error:
            log.info("somebody else was faster", action="request_overtaken", constraint=error.constraint)
            return route.path, problem.conflict("another request took the same name or address just now; ask again")
        except Exception:
            log.exception("request failed", action="request_failed", route=route.path)
            return route.path, problem.unexpected()

    async def _answer(
        self,
        request: web.BaseRequest,
        path: str,
        operation: Operation[Any, Any],
        caller: Caller,
        ids: tuple[int, ...],
    ) -> Outcome:
        if caller.role not in operation.roles:
            return problem.forbidden(caller.role)
        taken = request[TAKEN].query if TAKEN in request else None
        query = (
            read_query(operation.query, request.raw_path.partition("?")[2])
            if taken is None
            else given_query(operation.query, taken)
        )
        body = await read_body(request, operation)
        if isinstance(body, Problem):
            return body
        faults = [
            *(query if isinstance(query, list) else ()),
            *(body.content if isinstance(body.content, list) else ()),
        ]
        post = _repeatable(request, path, operation, caller, body)
        if isinstance(post, Fault):
            faults.append(post)
        if faults:
            return problem.invalid(faults)
        call: Call[Any, Any] = Call(
            caller=caller,
            ids=ids,
            query=query,
            content=body.content,
            target=request.raw_path,
            accept=request.headers.get("Accept", ""),
            remember=post.remember if isinstance(post, Repeatable) else forget,
        )
        async with self._handling.turn(caller.account_id):
            return await self._carry_out(operation, call, post if isinstance(post, Repeatable) else None)

    async def _carry_out(
        self, operation: Operation[Any, Any], call: Call[Any, Any], post: Repeatable | None
    ) -> Outcome:
        if post is not None:
            return await self._once(operation, call, post)
        return _outcome(await operation.handler(self.api, call))

    async def _once(self, operation: Operation[Any, Any], call: Call[Any, Any], post: Repeatable) -> Outcome:
        async with self.api.in_turn.turn(post.name):
            if first := await first_answer(self.api.database, post):
                return first
            try:
                return _outcome(await operation.handler(self.api, call))
            except UniqueViolation as error:
                # The same request came to another process, or twice through a retrying proxy.
                if error.constraint == CONSTRAINT and (first := await first_answer(self.api.database, post)):
                    return first
                raise


def _has_large_body(request: web.BaseRequest) -> bool:
    """Those are in memory whole while they are handled, so only a few are."""
    said = request.content_length
    return (said is None or said > SMALL_BODY) and request.can_read_body


async def _made(page: PageMaker) -> Page:
    made = page()
    return await made if isawaitable(made) else made


def _repeatable(
    request: web.BaseRequest, path: str, operation: Operation[Any, Any], caller: Caller, body: ReadBody
) -> Repeatable | Fault | None:
    key = request.headers.get(HEADER)
    if key is None or operation.method != "POST" or operation.public:
        return None
    if not is_key(key):
        return Fault(HEADER, "must be 1 to 255 visible ASCII characters")
    return Repeatable(caller.account_id, "POST", path, key, body_hash(body.media, body.data))


def _outcome(answer: Answer | Stream | Refused) -> Outcome:
    return problem.from_refusal(answer) if isinstance(answer, Refused) else answer


async def _send(request: web.BaseRequest, outcome: Answer | Stream | Page) -> web.StreamResponse:
    match outcome:
        case Answer(body, status, headers, content_type):
            headers = {**headers, **request.get(SAID, {})}
            return _whole(status, body if isinstance(body, bytes) else orjson.dumps(body), content_type, headers)
        case Page(content_type, body, status, headers):
            return _whole(status, body, content_type, headers)
        case Stream():
            return await _stream(request, outcome)


def _whole(status: int, body: bytes, content_type: str, headers: Mapping[str, str]) -> web.Response:
    return web.Response(status=status, body=body, headers={**_HEADERS, **headers, "Content-Type": content_type})


async def _stream(request: web.BaseRequest, stream: Stream) -> web.StreamResponse:
    response = web.StreamResponse(headers={**_HEADERS, **stream.headers, "Content-Type": stream.content_type})
    await response.prepare(request)
    try:
        if request.method != "HEAD":
            async for piece in stream.pieces:
                await response.write(piece)
        await response.write_eof()
    except ConnectionError:
        pass  # whoever asked has left
    except Exception:
        # The status is sent; cutting the connection is the one way left to say that this is not all.
        log.exception("answer broken off", action="answer_broken_off")
        if request.transport is not None:
            request.transport.abort()
    return response
