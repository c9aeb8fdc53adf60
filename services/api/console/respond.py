"""How a reply goes over the wire: status, headers, bytes. Every answer carries the same policy."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from services.api.authenticate import Caller
from services.api.console.events import CONTENT_TYPE as EVENT_STREAM
from services.api.console.reply import Events, Page, Redirect, Reply
from services.api.console.session import Session, set_cookie
from services.api.console.views.frame import write_page
from services.api.console.views.sign_in import problem_page
from services.api.problem import Problem
from shared.runtime import clock
from shared.sealing import NONCE_SIZE

#: Nothing from elsewhere, nothing inline, no frames; what the script puts into the page it says to be ours.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types console"
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With no-referrer a form would come from nowhere: browsers send "Origin: null" then.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Server": "postroom",
}
_STATIC_SECONDS: Final = 300

Static = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Answering:
    """To whom. ``renewed``: the session to go on with."""

    caller: Caller | None = None
    session: Session | None = None
    renewed: Session | None = None
    secret: tuple[bytes, ...] = ()

    def cookies(self) -> tuple[str, ...]:
        if self.renewed is None:
            return ()
        return (set_cookie(self.secret, self.renewed, clock.random_bytes(NONCE_SIZE)),)


async def answer(request: web.BaseRequest, reply: Reply | Static, to: Answering) -> web.StreamResponse:
    match reply:
        case Page():
            return _page(reply, to)
        case Redirect(where, cookies):
            return _whole(303, b"", "text/plain", {"Location": where}, cookies)
        case Problem() if request.headers.get("Accept", "") == EVENT_STREAM:
            return _whole(reply.status, reply.sentence.encode(), "text/plain; charset=utf-8", dict(reply.headers))
        case Problem():
            heading = HTTPStatus(reply.status).phrase
            page = Page(heading, problem_page(heading, reply.sentence), status=reply.status)
            response = _page(page, to)
            response.headers.update(
                {name: value for name, value in reply.headers.items() if name != "WWW-Authenticate"}
            )
            return response
        case Events():
            return await _stream(request, reply, to)
        case (content_type, body):
            return _whole(200, body, content_type, {"Cache-Control": f"max-age={_STATIC_SECONDS}"})


def _page(page: Page, to: Answering) -> web.Response:
    body = write_page(page, to.caller, to.session)
    return _whole(page.status, body, "text/html; charset=utf-8", {}, to.cookies())


def _whole(
    status: int, body: bytes, content_type: str, headers: dict[str, str], cookies: tuple[str, ...] = ()
) -> web.Response:
    return web.Response(status=status, body=body, headers=_headers(content_type, headers, cookies))


def _headers(content_type: str, headers: dict[str, str], cookies: tuple[str, ...]) -> CIMultiDict[str]:
    every = CIMultiDict({"Cache-Control": "no-store", **_HEADERS, **headers, "Content-Type": content_type})
    for cookie in cookies:
        every.add("Set-Cookie", cookie)
    return every


async def _stream(request: web.BaseRequest, events: Events, to: Answering) -> web.StreamResponse:
    # A proxy that gathers answers would hold back what is new.
    headers = _headers(EVENT_STREAM, {"X-Accel-Buffering": "no"}, to.cookies())
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    try:
        if request.method != "HEAD":
            async for piece in events.pieces:
                await response.write(piece)
        await response.write_eof()
    except ConnectionError:
        pass  # whoever watched has left
    finally:
        await events.pieces.aclose()
    return response
