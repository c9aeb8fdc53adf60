"""The inbox over HTTP: a page for people, JSON for programs."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson
from aiohttp import web

from services.standalone.inbox.mail_store import MailStore, StoredMail
from services.standalone.inbox.pages import BODY_POLICY, PAGE_POLICY, framed_body, list_page, mail_page
from services.standalone.inbox.read_mail import read_mail, read_message
from services.standalone.inbox.smtp_server import HOST
from shared.domain.identifiers import INT63_MAX

MOST = 1_000  #: mails in one answer
USUAL = 200
ON_A_PAGE = 50

_STORE: web.AppKey[MailStore] = web.AppKey("store", MailStore)


@dataclass(frozen=True, slots=True)
class Search:
    to: str | None
    count: int
    start: int | None  #: the id before the first, None: from the beginning


class BadSearch(Exception):
    """Query arguments that are no search; ``faults`` by argument."""

    def __init__(self, faults: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {fault}" for name, fault in faults.items()))
        self.faults = faults


async def serve_inbox(store: MailStore, port: int, also: Iterable[web.RouteDef] = ()) -> web.AppRunner:
    """Listens on loopback; ``port`` 0 takes any free one. ``also``: what else this port serves. Stop it with
    ``cleanup``.
    """
    app = web.Application(middlewares=[_answer_faults])
    app[_STORE] = store
    app.router.add_get("/", _show_list)
    app.router.add_get("/mail/{id:[0-9]{1,18}}", _show_mail)
    app.router.add_get("/mail/{id:[0-9]{1,18}}/html", _show_body)
    app.router.add_get("/messages", _list_messages)
    app.router.add_get("/messages/{id:[0-9]{1,18}}", _get_message)
    app.router.add_get("/messages/{id:[0-9]{1,18}}/source", _get_source)
    app.add_routes(also)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    return runner


def parse_search(query: dict[str, str], start_name: str, usual: int) -> Search:
    """Raises BadSearch naming every fault."""
    faults = {name: "there is no such argument" for name in query if name not in ("to", "count", start_name)}
    numbers: dict[str, int] = {}
    for name, least, most in (("count", 1, MOST), (start_name, 0, INT63_MAX)):
        text = query.get(name, "")
        if not text:
            continue
        if text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most:
            numbers[name] = int(text)
        else:
            faults[name] = f"a whole number from {least} to {most}"
    if faults:
        raise BadSearch(faults)
    return Search(_address(query.get("to", "")), numbers.get("count", usual), numbers.get(start_name))


def _address(text: str) -> str | None:
    """A plus in a query is a space to whoever reads it: the one before a telephone number is meant."""
    return f"+{text[1:]}" if text[:1] == " " and text[1:].isdigit() else text or None


def as_json(stored: StoredMail) -> dict[str, Any]:
    mail = read_message(stored.channel, stored.content)
    return {
        "id": stored.id,
        "channel": stored.channel,
        "received": stored.received,
        "envelope": {"from": stored.sender, "to": list(stored.recipients)},
        "headers": mail.headers,
        "text": mail.text,
        "html": mail.html,
    }


async def _list_messages(request: web.Request) -> web.Response:
    """In the order they came. ``start`` is what the Link of the answer before names."""
    store = request.app[_STORE]
    search = parse_search(dict(request.query), "start", USUAL)
    found = store.after(search.start or 0, search.count, search.to)
    headers = {"X-Total-Count": str(store.count(search.to))}
    if len(found) == search.count:
        wanted = {"to": search.to, "count": search.count, "start": found[-1].id}
        target = urlencode({name: value for name, value in wanted.items() if value is not None})
        headers["Link"] = f'</messages?{target}>; rel="next"'
    # Reading a thousand mails takes a second, which the services in this process do not have to wait for.
    body = await asyncio.to_thread(lambda: orjson.dumps([as_json(stored) for stored in found]))
    return web.Response(body=body, content_type="application/json", headers=headers)


async def _get_message(request: web.Request) -> web.Response:
    return web.Response(body=orjson.dumps(as_json(_wanted(request))), content_type="application/json")


async def _get_source(request: web.Request) -> web.Response:
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": BODY_POLICY}
    return web.Response(body=_wanted(request).content, content_type="text/plain", charset="utf-8", headers=headers)


async def _show_list(request: web.Request) -> web.Response:
    store = request.app[_STORE]
    search = parse_search(dict(request.query), "before", ON_A_PAGE)
    found = store.before(search.start, search.count, search.to)
    next_before = found[-1].id if len(found) == search.count else None
    return _html(list_page(found, store.count(search.to), search.to, next_before), PAGE_POLICY)


async def _show_mail(request: web.Request) -> web.Response:
    stored = _wanted(request)
    return _html(mail_page(stored, read_message(stored.channel, stored.content)), PAGE_POLICY)


async def _show_body(request: web.Request) -> web.Response:
    return _html(framed_body(read_mail(_wanted(request).content)), BODY_POLICY)


def _wanted(request: web.Request) -> StoredMail:
    stored = request.app[_STORE].one(int(request.match_info["id"]))
    if stored is None:
        raise web.HTTPNotFound
    return stored


def _html(page: str, policy: str) -> web.Response:
    headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
    return web.Response(text=page, content_type="text/html", headers=headers)


@web.middleware
async def _answer_faults(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except BadSearch as error:
        faults = [{"field": name, "message": fault} for name, fault in error.faults.items()]
        problem = {"type": "about:blank", "title": "Bad Request", "status": 400, "errors": faults}
        return web.Response(status=400, body=orjson.dumps(problem), content_type="application/problem+json")
    return response
