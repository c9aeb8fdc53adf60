"""The operator console: one request, from cookie to page. ``/console`` and all below it.

    static file | sign in, sign out | session -> page, figures or a button of the table

Nothing here decides anything: pages show what the API's operations answer, and buttons ask them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import parse_qsl

import structlog
from aiohttp import web

from services.api import problem
from services.api.authenticate import Authenticator, Caller
from services.api.console.ask import Asking
from services.api.console.ended_sessions import EndedSessions
from services.api.console.live import Live
from services.api.console.reply import Page, Reply
from services.api.console.respond import Answering, answer
from services.api.console.same_origin import came_from_elsewhere, fault_in_origin
from services.api.console.session import Session, read_session
from services.api.console.sign_in import SignIn
from services.api.console.static_files import STATIC
from services.api.console.table import ROOT, Place, find_place
from services.api.console.views.sign_in import passing_page
from services.api.console.visit import Visit
from services.api.parse_form import read_pairs
from services.api.problem import Problem
from services.api.read_request import read_bytes
from shared.domain.identifiers import Instant
from shared.domain.refusal import Fault
from shared.event_store.interface import VersionConflict
from shared.postgres.database import Unavailable, UniqueViolation
from shared.runtime import clock

log = structlog.get_logger(__name__)

MOST_FORM: Final = 65_536  #: bytes
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Console:
    """``secret``: sessions are sealed under it."""

    asking: Asking
    authenticator: Authenticator
    live: Live
    secret: tuple[bytes, ...]
    ended: EndedSessions

    def takes(self, target: str) -> bool:
        path = target.partition("?")[0]
        return path == ROOT or path.startswith(ROOT + "/")

    def close(self) -> None:
        self.live.close()

    async def respond(self, request: web.BaseRequest) -> tuple[str, web.StreamResponse]:
        """The path as the table spells it, and the answer."""
        path, _, query = request.raw_path.partition("?")
        if path in STATIC:
            return path, await answer(request, STATIC[path], Answering())
        now = Instant(clock.now())
        session = read_session(self.secret, request.headers.get("Cookie", ""), now)
        label, caller, reply = await self._guarded(request, path, query, session)
        renewed = session.renewed(now) if session and caller else None
        return label, await answer(request, reply, Answering(caller, session, renewed, self.secret))

    async def _guarded(
        self, request: web.BaseRequest, path: str, query: str, session: Session | None
    ) -> tuple[str, Caller | None, Reply]:
        caller: Caller | None = None
        try:
            form = await _read_form(request)
            if isinstance(form, Problem):
                return "", None, form
            sign_in = SignIn(self.authenticator, self.secret, self.ended)
            if path in sign_in.PATHS:
                return path, None, await sign_in.reply(request, path, form, session)
            place, caller = find_place(path), await self._caller(session)
            if session is None or caller is None:
                return "", None, _stranger(request, path, place)
            if place is None:
                return "", caller, problem.not_found()
            return place.path, caller, await self._reply(request, place, path, query, form, session, caller)
        except (Unavailable, TimeoutError, VersionConflict) as error:
            log.warning("console turned away", action="console_unavailable", error=type(error).__name__)
            return "", caller, problem.unavailable("the database cannot be reached at the moment; try again")
        except UniqueViolation:
            return "", caller, problem.conflict("somebody else did something just now; try again")
        except Exception:
            log.exception("console failed", action="console_failed")
            return "", caller, problem.unexpected()

    async def _reply(
        self,
        request: web.BaseRequest,
        place: Place,
        path: str,
        query: str,
        form: Mapping[str, str],
        session: Session,
        caller: Caller,
    ) -> Reply:
        handle = place.handles.get("POST" if request.method == "POST" else "GET")
        if request.method not in ("GET", "HEAD", "POST") or handle is None:
            return problem.method_not_allowed(sorted(place.handles))
        asked = _read_query(query)
        if isinstance(asked, Problem):
            return asked
        if request.method == "POST" and (fault := fault_in_form(request, form, session)):
            return Problem(403, fault)
        still_in = partial(self._still_in, session, caller)
        said = {name: value for name, value in form.items() if name != "token"}
        return await handle(
            Visit(self.asking, self.live, caller, session, path, place.ids, place.name, asked, said, still_in)
        )

    async def _caller(self, session: Session | None) -> Caller | None:
        if session is None or await self.ended.hold(session):
            return None
        return await self._holder(session)

    async def _holder(self, session: Session) -> Caller | None:
        return await self.authenticator.find_holder(session.prefix, bytes.fromhex(session.hash))

    async def _still_in(self, session: Session, caller: Caller) -> bool:
        try:
            over = session.is_over(Instant(clock.now())) or await self.ended.held_lately(session)
            return not over and await self._holder(session) == caller
        except Unavailable:
            return True  # it may be so: nothing that is read now is told without the database either


def fault_in_form(request: web.BaseRequest, form: Mapping[str, str], session: Session) -> str | None:
    """Why this is no form of a page that this session was shown."""
    if fault := fault_in_origin(request.headers):
        return fault
    return None if session.sent(form.get("token", "")) else "this form is from an older session; load the page again"


def _stranger(request: web.BaseRequest, path: str, place: Place | None) -> Reply:
    """To sign in, and then to where he wanted to go. Live figures are no place to go to."""
    if request.method in ("GET", "HEAD") and came_from_elsewhere(request.headers):
        # The browser keeps the cookie from a link on another site; asked for by this page, it brings it.
        return Page("Postroom", passing_page(), refresh=True)
    if path.endswith("/live"):
        return problem.unauthorized()
    return SignIn.ask_for_key(path if place and request.method in ("GET", "HEAD") else ROOT)


async def _read_form(request: web.BaseRequest) -> Mapping[str, str] | Problem:
    if request.method != "POST":
        return {}
    if request.content_type != _FORM:
        return problem.unsupported(f"send {_FORM}")
    data = await read_bytes(request, MOST_FORM)
    if isinstance(data, Problem):
        return data
    try:
        pairs = read_pairs(data.decode())
    except UnicodeDecodeError:
        return problem.invalid([Fault("", "the form is not UTF-8")])
    return problem.invalid([pairs]) if isinstance(pairs, Fault) else dict(pairs)


def _read_query(query: str) -> Mapping[str, str] | Problem:
    try:
        return dict(parse_qsl(query, errors="strict", max_num_fields=20))
    except ValueError:
        return problem.invalid([Fault("", "the query cannot be read")])
