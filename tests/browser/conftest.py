"""A browser, started when the first test here needs it; an inbox to look into; a server that nobody should call."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import orjson
import pytest

from services.standalone.inbox.mail_store import MailStore, StoredMail
from services.standalone.inbox.web import serve_inbox
from shared.domain.identifiers import Instant
from tests.browser.canary import Canary, watching
from tests.browser.tab import Browser, browsing
from tests.servers.backends import ServerMissing
from tests.servers.chromium import find_chromium

SOON = Instant(1_800_000_000.0)


class Watched(MailStore):
    """Notes which message was asked for: once for the page, once more for the frame in it."""

    asked: list[int]

    def one(self, mail_id: int) -> StoredMail | None:
        self.asked = [*getattr(self, "asked", []), mail_id]
        return super().one(mail_id)


@dataclass(slots=True)
class Inbox:
    url: str
    store: Watched
    _count: int = field(default=0)

    def receive(self, html: str | None, text: str = "CRUNCHY ARMCHAIR", **headers: str) -> int:
        """Its number."""
        mail = EmailMessage()
        for name, value in {"From": "Shop <shop@example.com>", "Subject": "Furniture", **headers}.items():
            mail[name] = value
        mail.set_content(text)
        if html is not None:
            mail.add_alternative(html, subtype="html")
            mail.set_boundary("one-and-the-same")
        self.store.add(SOON, "email", "b@example.com", ["zoe@example.org"], mail.as_bytes())
        return self._next()

    def receive_sms(self, body: str, sender: str = "Shop") -> int:
        request = {
            "id": "7",
            "from": sender,
            "to": "+447700900123",
            "body": body,
            "receipt_url": "http://t.example/r/x",
        }
        self.store.add(SOON, "sms", sender, ["+447700900123"], orjson.dumps(request))
        return self._next()

    def page(self, number: int) -> str:
        return f"{self.url}/mail/{number}"

    def body(self, number: int) -> str:
        return f"{self.url}/mail/{number}/html"

    def _next(self) -> int:
        self._count += 1
        return self._count


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    try:
        chromium = find_chromium()
        async with chromium.running() as devtools, browsing(devtools) as opened:
            yield opened
    except ServerMissing as missing:
        pytest.fail(str(missing), pytrace=False)


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    store = Watched(tmp_path / "inbox.sqlite")
    runner = await serve_inbox(store, 0)
    yield Inbox(f"http://127.0.0.1:{runner.addresses[0][1]}", store)
    await runner.cleanup()
    store.close()


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    async with watching() as watched:
        yield watched
