"""Signing in with a key, and signing out."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import structlog
from aiohttp import web

from services.api import problem
from services.api.authenticate import KEY, Authenticator, hash_key
from services.api.console.ended_sessions import EndedSessions
from services.api.console.reply import Page, Redirect, Reply
from services.api.console.same_origin import came_by_https, fault_in_origin
from services.api.console.session import Session, clear_cookies, set_cookie
from services.api.console.views.sign_in import sign_in_page
from services.api.problem import Problem
from shared.domain.identifiers import Instant
from shared.runtime import clock
from shared.sealing import NONCE_SIZE

log = structlog.get_logger(__name__)

TOKEN_BYTES: Final = 18
_OURS: Final = re.compile(r"/console(/[0-9A-Za-z-]+)*")  #: where one may be led after signing in
_LOGIN: Final = "/console/login"
_LOGOUT: Final = "/console/logout"


@dataclass(frozen=True, slots=True)
class SignIn:
    authenticator: Authenticator
    secret: tuple[bytes, ...]
    ended: EndedSessions
    PATHS: ClassVar[frozenset[str]] = frozenset({_LOGIN, _LOGOUT})

    @staticmethod
    def ask_for_key(to: str, fault: str | None = None) -> Page:
        return Page("Sign in", sign_in_page(to, fault), status=200 if fault is None else 401)

    async def reply(
        self, request: web.BaseRequest, path: str, form: Mapping[str, str], session: Session | None
    ) -> Reply:
        """Raises Unavailable."""
        if path == _LOGIN and request.method in ("GET", "HEAD"):
            return self.ask_for_key("/console")
        if request.method != "POST":
            return problem.method_not_allowed(["GET", "HEAD", "POST"] if path == _LOGIN else ["POST"])
        if fault := fault_in_origin(request.headers):
            return Problem(403, fault)
        return await self._enter(request, form) if path == _LOGIN else await self._leave(form, session)

    async def _enter(self, request: web.BaseRequest, form: Mapping[str, str]) -> Reply:
        key = form.get("key", "").strip()
        to = form.get("to", "/console")
        to = to if _OURS.fullmatch(to) else "/console"
        match = KEY.fullmatch(key)
        caller = await self.authenticator.find_holder(match[1], hash_key(key)) if match else None
        if match is None or caller is None:
            log.info("nobody signed in", action="console_refused")
            return self.ask_for_key(to, "This is no valid key.")
        now = Instant(clock.now())
        token = urlsafe_b64encode(clock.random_bytes(TOKEN_BYTES)).decode()
        session = Session(match[1], hash_key(key).hex(), token, now, now, came_by_https(request.headers))
        log.info("signed in", action="console_signed_in", account=caller.account_id, user=caller.user_id)
        return Redirect(to, (set_cookie(self.secret, session, clock.random_bytes(NONCE_SIZE)),))

    async def _leave(self, form: Mapping[str, str], session: Session | None) -> Reply:
        if session and not session.sent(form.get("token", "")):
            return Problem(403, "this form is from an older session; load the page again")
        if session:
            await self.ended.end(session)
        return Redirect(_LOGIN, tuple(clear_cookies()))
