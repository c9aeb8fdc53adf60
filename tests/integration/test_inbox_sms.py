"""The inbox as an SMS gateway: what it takes it shows, and tells what became of it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from services.standalone.inbox import sms_gateway
from services.standalone.inbox.mail_store import MailStore
from services.standalone.inbox.sms_gateway import ANSWERS, RECEIPTS, SmsGateway
from services.standalone.inbox.web import serve_inbox
from shared.domain.identifiers import Instant

SOON = Instant(1_800_000_000.0)


@dataclass
class Inbox:
    session: aiohttp.ClientSession
    told: list[tuple[str, Any]] = field(default_factory=list)  #: receipts that came: path and body
    answers: list[int] = field(default_factory=list)  #: to the receipts to come; then 200
    tracker: str = ""

    async def text(self, to: str, body: str = "Hello", **other: object) -> int:
        sms = {"id": f"id{to}", "to": to, "from": "Acme", "body": body, "receipt_url": f"{self.tracker}/r/{to}"}
        async with self.session.post("/sms", json={**sms, **other}) as answer:
            return answer.status

    async def messages(self, query: str = "") -> list[Any]:
        async with self.session.get(f"/messages{query}") as answer:
            found: list[Any] = await answer.json()
            return found

    async def page(self, path: str) -> tuple[str, str]:
        async with self.session.get(path) as answer:
            return await answer.text(), answer.headers["Content-Security-Policy"]

    async def until_told(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.told) < count:
                await asyncio.sleep(0.01)

    async def receive(self, request: web.Request) -> web.Response:
        self.told.append((request.path, await request.json()))
        return web.Response(status=self.answers.pop(0) if self.answers else 200)


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    store = MailStore(tmp_path / "inbox.sqlite")
    gateway = SmsGateway(store, lambda: SOON)
    gateway.start()
    runner = await serve_inbox(store, 0, gateway.routes())
    app = web.Application()
    tracker = web.AppRunner(app)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as session:
        found = Inbox(session)
        app.router.add_post("/r/{token}", found.receive)
        await tracker.setup()
        await web.TCPSite(tracker, "127.0.0.1", 0).start()
        found.tracker = f"http://127.0.0.1:{tracker.addresses[0][1]}"
        yield found
    await runner.cleanup()
    await gateway.stop()
    await tracker.cleanup()
    store.close()


async def test_a_text_is_kept_as_it_was_handed_over(inbox: Inbox) -> None:
    assert await inbox.text("+447700900123", "Grüße & <b>") == 202

    (message,) = await inbox.messages()

    assert message == {
        "id": 1,
        "channel": "sms",
        "received": SOON,
        "envelope": {"from": "Acme", "to": ["+447700900123"]},
        "headers": {"From": "Acme", "To": "+447700900123", "Id": "id+447700900123", "Parts": "1 in GSM-7"},
        "text": "Grüße & <b>",
        "html": None,
    }


@pytest.mark.parametrize("query", ["?to=+447700900123", "?to=%2B447700900123"], ids=["a bare plus", "an encoded one"])
async def test_texts_are_found_by_number(inbox: Inbox, query: str) -> None:
    """However the plus was written."""
    await inbox.text("+447700900123", "for me")
    await inbox.text("+447700900124", "for another")

    assert [message["text"] for message in await inbox.messages(query)] == ["for me"]


async def test_a_moment_later_the_receipt_says_delivered(inbox: Inbox) -> None:
    for number in range(30, 60):
        await inbox.text(f"+4477009000{number}")

    await inbox.until_told(30)

    assert sorted(inbox.told) == [(f"/r/+4477009000{n}", {"status": "delivered"}) for n in range(30, 60)]


@pytest.mark.parametrize(("ending", "status"), [item for item in RECEIPTS.items() if item[1]])
async def test_endings_of_numbers_try_out_what_else_can_become_of_it(inbox: Inbox, ending: str, status: str) -> None:
    assert await inbox.text(f"+44770090{ending}") == 202

    await inbox.until_told(1)

    assert inbox.told == [(f"/r/+44770090{ending}", {"status": status})]
    assert len(await inbox.messages()) == 1


async def test_one_ending_has_no_receipt(inbox: Inbox) -> None:
    """The next one's comes all the same."""
    await inbox.text("+447700900006")
    await inbox.text("+447700900007")

    await inbox.until_told(1)

    assert inbox.told[0][0] == "/r/+447700900007"


@pytest.mark.parametrize(("ending", "status"), ANSWERS.items())
async def test_endings_of_numbers_try_out_refusals(inbox: Inbox, ending: str, status: int) -> None:
    assert await inbox.text(f"+44770090{ending}") == status
    assert await inbox.messages() == []


@pytest.mark.parametrize("refusals", [[503, 429], [500]])
async def test_a_receipt_that_was_not_taken_is_told_again(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, refusals: list[int]
) -> None:
    """As long as it may help."""
    monkeypatch.setattr(sms_gateway, "PAUSES_SECONDS", (0.01,) * 5)
    inbox.answers = [*refusals, 404]
    await inbox.text("+447700900123")
    await inbox.until_told(len(refusals) + 1)
    await inbox.text("+447700900124")
    await inbox.until_told(len(refusals) + 2)

    assert [path for path, _ in inbox.told] == ["/r/+447700900123"] * (len(refusals) + 1) + ["/r/+447700900124"]


@pytest.mark.parametrize(
    ("other", "faults"),
    [
        ({"to": ""}, 1),
        ({"to": 447700900123, "id": None}, 2),
        ({"receipt_url": "file:///etc/passwd"}, 1),
    ],
)
async def test_every_fault_of_what_is_no_text_is_named(inbox: Inbox, other: dict[str, object], faults: int) -> None:
    sms = {"id": "a", "to": "+447700900123", "from": "Acme", "body": "Hi", "receipt_url": "http://127.0.0.1:1/"}
    async with inbox.session.post("/sms", json={**sms, **other}) as answer:
        assert answer.status == 400
        assert len((await answer.json())["errors"]) == faults
    async with inbox.session.post("/sms", data=b"{") as answer:
        assert answer.status == 400
    assert await inbox.messages() == []


async def test_what_came_by_sms_is_escaped_in_the_pages(inbox: Inbox) -> None:
    await inbox.text("+447700900123", "<script>alert(1)</script>", **{"from": "<script>", "id": "<script>"})

    for path in ("/", "/?to=+447700900123", "/mail/1"):
        page, policy = await inbox.page(path)
        assert "<script" not in page
        assert "&lt;script" in page
        assert "default-src 'none'" in policy
    async with inbox.session.get("/messages/1/source") as answer:
        assert answer.content_type == "text/plain"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_list_tells_texts_by_their_mark(inbox: Inbox) -> None:
    await inbox.text("+447700900123", "A text that is long enough to be cut short in the list " * 4)

    page, _ = await inbox.page("/")

    assert "<span class='mark sms'>SMS</span><td>+447700900123" in page.replace(" delivered", "")
    assert "cut short in the list A text that is long enoug…</a>" in page


@pytest.mark.parametrize(("number", "shown"), [("+447700900123", "delivered"), ("+447700900001", "undeliverable")])
async def test_the_pages_show_what_was_told_of_a_text(inbox: Inbox, number: str, shown: str) -> None:
    """Once the tracker has taken it; a receipt that it refused is none."""
    inbox.answers = [404]
    await inbox.text("+447700900124")
    await inbox.until_told(1)
    await inbox.text(number)
    assert "<th>Receipt<td><pre>none told</pre>" in (await inbox.page("/mail/2"))[0]
    async with asyncio.timeout(20):
        while f"<th>Receipt<td><pre>{shown}</pre>" not in (await inbox.page("/mail/2"))[0]:
            await asyncio.sleep(0.01)

    assert f"SMS</span> {shown}<td>{number}" in (await inbox.page("/"))[0]
    assert "<th>Receipt<td><pre>none told</pre>" in (await inbox.page("/mail/1"))[0]
