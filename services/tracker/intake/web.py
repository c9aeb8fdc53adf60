"""Pixel, links, unsubscribe and receipts: open to the world, so nothing that comes in is trusted.

Nobody is answered before his hit is stored: in Postgres or, while that is away, in the journal; where neither is
possible, with 503 and Retry-After. A HEAD is answered like a GET and counts nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from services.tracker.decisions.choose_target import choose_target
from services.tracker.decisions.read_receipt import BadReceipt, read_receipt
from services.tracker.decisions.read_wish import Wished, read_wish
from services.tracker.intake.inbound_web import InboundWeb
from services.tracker.intake.known_tasks import KnownTasks
from services.tracker.intake.observe import Observer
from services.tracker.intake.pages import (
    CONTENT_SECURITY_POLICY,
    FORM,
    NOT_FOUND,
    PIXEL,
    PROOF,
    TRY_AGAIN,
    UNSUBSCRIBED,
)
from services.tracker.intake.record import HitRecorder, NotStored
from services.tracker.intake.routes import Answerer, Route
from services.tracker.intake.task_copy import KnownTask
from services.tracker.intake.unsubscribe import Unsubscriber
from services.tracker.metrics import Metrics
from shared.delivery_log.gather_hits import Hit
from shared.domain.delivery import Kind
from shared.domain.identifiers import Instant
from shared.domain.tokens import Token, TokenKeys, TokenKind, is_of_notice
from shared.postgres.database import DatabaseError, Unavailable

RETRY_AFTER_SECONDS: Final = 2
MOST_BODY_BYTES: Final = 4096

HEADERS: Final = {
    "Cache-Control": "no-store, private",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "Server": "postroom",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}

#: Every picture is the same one.
_OF_PIXEL: Final = CIMultiDict({**HEADERS, "Content-Type": "image/gif", "Content-Length": str(len(PIXEL))})


@dataclass(frozen=True, slots=True)
class Intake:
    keys: TokenKeys
    tasks: KnownTasks
    observer: Observer
    recorder: HitRecorder
    unsubscriber: Unsubscriber
    now: Callable[[], Instant]
    metrics: Metrics
    inbound: InboundWeb

    def routes(self) -> list[Route]:
        return [
            Route("/o/{token}", {"GET": self._open}),
            Route("/c/{token}", {"GET": self._click}),
            Route("/u/{token}", {"GET": self._show_form, "POST": self._unsubscribe}),
            Route("/r/{token}", {"POST": self._take_receipt}),
            *self.inbound.routes(),
        ]

    async def _open(self, request: web.BaseRequest, said: str) -> web.Response:
        token = self._token(said, TokenKind.OPEN)
        if token and await self._may_be(token):
            await self._record(request, token, Kind.OPENED)
        # A wrong token gets the same, so that nobody can try out which are right.
        return web.Response(body=PIXEL, headers=_OF_PIXEL)

    async def _click(self, request: web.BaseRequest, said: str) -> web.Response:
        token = self._token(said, TokenKind.CLICK)
        task = await self._task_of(token) if token else None
        target = choose_target(task.links, token.link) if token and task else None
        if token is None or task is None or target is None:
            return _page(NOT_FOUND, 404)
        await self._record(request, token, Kind.CLICKED, len(task.links))
        return web.Response(status=302, headers={**HEADERS, "Location": target})

    async def _show_form(self, _: web.BaseRequest, said: str) -> web.Response:
        token = self._token(said, TokenKind.UNSUBSCRIBE)
        if token is None:
            return _page(NOT_FOUND, 404)
        return _page(PROOF if is_of_notice(token) else FORM)

    async def _unsubscribe(self, request: web.BaseRequest, said: str) -> web.Response:
        token = self._token(said, TokenKind.UNSUBSCRIBE)
        if token is None:
            return _page(NOT_FOUND, 404)
        if is_of_notice(token):
            return _page(PROOF)
        wish = read_wish(request.headers.get("Content-Type", ""), await request.read())
        if wish is None:
            return _page(FORM, 400)
        wished = Wished(token.task, token.ordinal, wish, int(self.now() * 1000))
        found = await self.unsubscriber.unsubscribe(wished)
        return _page(UNSUBSCRIBED) if found else _page(NOT_FOUND, 404)

    async def _take_receipt(self, request: web.BaseRequest, said: str) -> web.Response:
        token = self._token(said, TokenKind.RECEIPT)
        if token is None or not await self._may_be(token):
            return _problem(404, {"": "there is no such message"})
        receipt = read_receipt(request.headers.get("Content-Type", ""), await request.read())
        if isinstance(receipt, BadReceipt):
            return _problem(400, receipt.faults)
        if receipt.kind is not None:
            now_ms = int(self.now() * 1000)
            await self.recorder.record(Hit(token.task, receipt.kind, token.ordinal, now_ms, note=receipt.note))
        return web.json_response({"status": receipt.status})

    async def answer_safely(self, answerer: Answerer, request: web.BaseRequest, said: str) -> web.StreamResponse:
        """Turns what cannot be stored into a 503, and puts the headers on every answer."""
        try:
            response = await answerer(request, said)
        except (NotStored, DatabaseError):
            self.metrics.not_stored.inc()
            response = _page(TRY_AGAIN, 503)
            response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        except web.RequestPayloadError:
            response = web.Response(status=400)
        if "X-Robots-Tag" not in response.headers:  # those that are answered most often have them from the start
            response.headers.update(HEADERS)
        return response

    def _token(self, said: str, kind: TokenKind) -> Token | None:
        token = self.keys.read_web(said)
        return token if token and token.kind is kind else None

    async def _task_of(self, token: Token) -> KnownTask | None:
        """Raises DatabaseError."""
        task = await self.tasks.find(token.task)
        return task if task and token.ordinal < task.recipients else None

    async def _may_be(self, token: Token) -> bool:
        """Whether there is such a recipient. While nobody can tell he is taken for one: replaying the journal shows."""
        try:
            return await self._task_of(token) is not None
        except Unavailable:
            return True

    async def _record(self, request: web.BaseRequest, token: Token, kind: Kind, links: int = 0) -> None:
        if request.method != "HEAD":
            time_ms = int(self.now() * 1000)
            evidence = self.observer.see(request, token, links, time_ms)
            await self.recorder.record(Hit(token.task, kind, token.ordinal, time_ms, token.link, evidence=evidence))


def _problem(status: int, faults: dict[str, str]) -> web.Response:
    """As the API tells faults (RFC 9457): it is a program that asks."""
    errors = [{"field": field, "message": message} for field, message in faults.items()]
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "errors": errors}
    return web.json_response(body, status=status, content_type="application/problem+json")


def _page(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html")
