"""``POST /s/<token>``: where gateways bring the SMS that people send to the numbers of an account."""

from dataclasses import dataclass
from typing import Final

import orjson
from aiohttp import web

from services.tracker.decisions.read_inbound import FORM, JSON, read_inbound
from services.tracker.intake.inbound_sms import InboundDesk
from services.tracker.intake.routes import Route
from shared.domain.refusal import Fault
from shared.domain.tokens import TokenKeys, TokenKind

#: 2,000 characters of a form, each four octets of UTF-8 written as %xx, and room for the rest.
MOST_BODY_BYTES: Final = 32_768

_TITLES: Final = {400: "Bad Request", 404: "Not Found", 415: "Unsupported Media Type"}


@dataclass(frozen=True, slots=True)
class InboundWeb:
    keys: TokenKeys
    desk: InboundDesk

    def routes(self) -> list[Route]:
        return [Route("/s/{token}", {"POST": self._take})]

    async def _take(self, request: web.BaseRequest, said: str) -> web.Response:
        token = self.keys.read_web(said)
        if token is None or token.kind is not TokenKind.INBOUND:
            return _problem(404, Fault("", "there is no such resource"))
        media = request.content_type if "Content-Type" in request.headers else JSON
        if media not in (JSON, FORM) or "Content-Encoding" in request.headers:
            return _problem(415, Fault("", f"send {JSON} or {FORM}, as it is"))
        sms = read_inbound(media, await request.clone(client_max_size=MOST_BODY_BYTES).read())
        if isinstance(sms, list):
            return _problem(400, *sms)
        await self.desk.take(token.task, sms)
        # Empty: some gateways would send what stands here as the answer.
        return web.Response()


def _problem(status: int, *faults: Fault) -> web.Response:
    """RFC 9457, as the API answers."""
    errors = [{"field": fault.field, "message": fault.message} for fault in faults]
    body = {"type": "about:blank", "title": _TITLES[status], "status": status, "errors": errors}
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/problem+json")
