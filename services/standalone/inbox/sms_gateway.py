"""The inbox as an SMS gateway: takes texts for anybody, keeps them, and tells a moment later what became of them.

Everything is delivered, but for numbers with an ending that stands here: those try out what else can happen.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import orjson
import structlog
from aiohttp import web

from services.standalone.inbox.mail_store import MailStore
from shared.domain.identifiers import Instant

log = structlog.get_logger(__name__)

PATH: Final = "/sms"

#: What the receipt of a number with this ending says; None: there is no receipt.
RECEIPTS: Final[dict[str, str | None]] = {
    "0001": "undeliverable",
    "0002": "failed",
    "0003": "rejected",
    "0004": "expired",
    "0005": "unknown",
    "0006": None,
}
#: What a request for a number with this ending is answered; it is not taken.
ANSWERS: Final[dict[str, int]] = {"0422": 422, "0429": 429, "0503": 503}

RECEIPT_AFTER_SECONDS: Final = 0.2
TELLERS: Final = 8  #: receipts on their way at the same time
PAUSES_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  #: before each further try
CALL_SECONDS: Final = 10.0

_ENDING: Final = 4
_FIELDS: Final = ("id", "to", "from", "body", "receipt_url")


@dataclass(frozen=True, slots=True)
class PendingReceipt:
    mail_id: int
    url: str
    status: str
    due: float  #: of the loop's clock


@dataclass(slots=True)
class SmsGateway:
    """``start`` it before its routes are served."""

    store: MailStore
    now: Callable[[], Instant]
    _pending: "asyncio.Queue[PendingReceipt]" = field(default_factory=asyncio.Queue)
    _tellers: "list[asyncio.Task[None]]" = field(default_factory=list)

    def routes(self) -> list[web.RouteDef]:
        return [web.post(PATH, self._take)]

    def start(self) -> None:
        self._tellers = [asyncio.create_task(self._tell()) for _ in range(TELLERS)]

    async def stop(self) -> None:
        """Receipts that have not gone out by now never will."""
        for teller in self._tellers:
            teller.cancel()
        await asyncio.gather(*self._tellers, return_exceptions=True)

    async def _take(self, request: web.Request) -> web.Response:
        content = await request.read()
        sms = read_request(content)
        if isinstance(sms, list):
            return _answer(400, sms)
        ending = sms["to"][-_ENDING:]
        if ending in ANSWERS:
            return _answer(ANSWERS[ending], [f"numbers that end in {ending} are answered so"])
        mail_id = self.store.add(self.now(), "sms", sms["from"], [sms["to"]], content)
        status = RECEIPTS.get(ending, "delivered")
        if status is not None:
            due = asyncio.get_running_loop().time() + RECEIPT_AFTER_SECONDS
            self._pending.put_nowait(PendingReceipt(mail_id, sms["receipt_url"], status, due))
        return _answer(202, [])

    async def _tell(self) -> None:
        timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                receipt = await self._pending.get()
                await asyncio.sleep(receipt.due - asyncio.get_running_loop().time())
                for pause in (*PAUSES_SECONDS, None):
                    answer = await _answer_to(session, receipt)
                    if answer is not None:
                        self._note(receipt, answer)
                        break
                    if pause is None:
                        log.warning("receipt given up", action="receipt_given_up", status=receipt.status)
                    else:
                        await asyncio.sleep(pause)

    def _note(self, receipt: PendingReceipt, answer: int) -> None:
        """A receipt that was refused was told to nobody."""
        if answer < 400:
            self.store.add_receipt(receipt.mail_id, receipt.status)


def read_request(content: bytes) -> dict[str, Any] | list[str]:
    """The five fields, or a sentence for each that is missing or no text."""
    sms: Any = None
    with suppress(orjson.JSONDecodeError):
        sms = orjson.loads(content)
    if not isinstance(sms, dict):
        return ["the body must be a JSON object"]
    faults = [f"{name} must be a text" for name in _FIELDS if not isinstance(sms.get(name), str) or not sms[name]]
    if not faults and not sms["receipt_url"].startswith(("http://", "https://")):
        faults.append("receipt_url must be an http or https URL")
    return faults or sms


async def _answer_to(session: aiohttp.ClientSession, receipt: PendingReceipt) -> int | None:
    """The status, if it is the last word: taken, or refused for good."""
    try:
        async with session.post(receipt.url, json={"status": receipt.status}, allow_redirects=False) as answer:
            return answer.status if answer.status < 500 and answer.status != 429 else None
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None


def _answer(status: int, faults: list[str]) -> web.Response:
    return web.json_response({"status": "accepted"} if not faults else {"errors": faults}, status=status)
