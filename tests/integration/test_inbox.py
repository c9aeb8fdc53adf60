"""The inbox of the standalone mode: takes mail for anybody, shows it to people and programs."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from services.standalone.inbox.mail_store import MailStore
from services.standalone.inbox.smtp_server import HOST, AcceptEverything, port_of, serve_smtp
from services.standalone.inbox.web import serve_inbox
from shared.domain.identifiers import Instant

SOON = Instant(1_800_000_000.0)


@dataclass(frozen=True)
class Inbox:
    smtp_port: int
    session: aiohttp.ClientSession

    async def receive(self, to: str, subject: str = "Furniture", **parts: str) -> None:
        mail = EmailMessage()
        mail["To"], mail["From"], mail["Subject"] = to, "Shop <shop@example.com>", subject
        mail.set_content(parts.get("text", "CRUNCHY ARMCHAIR"))
        if "html" in parts:
            mail.add_alternative(parts["html"], subtype="html")
        await asyncio.to_thread(self._hand_over, to, mail)

    def _hand_over(self, to: str, mail: EmailMessage) -> None:
        with smtplib.SMTP(HOST, self.smtp_port) as server:
            server.send_message(mail, "bounce@shop.example.com", [to])

    async def messages(self, query: str = "") -> list[Any]:
        async with self.session.get(f"/messages{query}") as answer:
            assert answer.status == 200
            found: list[Any] = await answer.json()
            return found

    async def page(self, path: str) -> tuple[str, str]:
        """The page and its content security policy."""
        async with self.session.get(path) as answer:
            assert answer.status == 200
            return await answer.text(), answer.headers["Content-Security-Policy"]


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    store = MailStore(tmp_path / "inbox.sqlite")
    smtp = await serve_smtp(AcceptEverything(store, lambda: SOON), 0)
    runner = await serve_inbox(store, 0)
    async with aiohttp.ClientSession(f"http://{HOST}:{runner.addresses[0][1]}") as session:
        yield Inbox(port_of(smtp), session)
    await runner.cleanup()
    smtp.close()
    store.close()


async def test_mail_for_anybody_is_kept_as_it_was_handed_over(inbox: Inbox) -> None:
    """Envelope, headers, text, html and channel are there, decoded; the envelope is not what the headers say."""
    await inbox.receive("zoe.kim@example.org", "Größe M", text="Hallo Zoë", html="<p>Hallo Zoë</p>")

    (message,) = await inbox.messages()

    assert message["channel"] == "email"
    assert message["received"] == SOON
    assert message["envelope"] == {"from": "bounce@shop.example.com", "to": ["zoe.kim@example.org"]}
    assert message["headers"]["From"] == "Shop <shop@example.com>"
    assert message["headers"]["Subject"] == "Größe M"
    assert message["text"].strip() == "Hallo Zoë"
    assert message["html"].strip() == "<p>Hallo Zoë</p>"


async def test_mail_is_found_by_its_recipient_in_any_case(inbox: Inbox) -> None:
    await inbox.receive("Ada@Example.com", "for Ada")
    await inbox.receive("bob@example.com", "for Bob")

    assert [message["headers"]["Subject"] for message in await inbox.messages("?to=aDa@example.COM")] == ["for Ada"]
    assert await inbox.messages("?to=nobody@example.com") == []


async def test_walking_the_pages_visits_each_mail_once_in_the_order_they_came(inbox: Inbox) -> None:
    """Also when more arrive on the way: `start` names the last one seen, not a distance."""
    for number in range(5):
        await inbox.receive("ada@example.com", f"mail {number}")
    seen, path = [], "/messages?to=ada@example.com&count=2"
    while path:
        async with inbox.session.get(path) as answer:
            seen += [message["headers"]["Subject"] for message in await answer.json()]
            assert int(answer.headers["X-Total-Count"]) in (5, 6)
            link = answer.headers.get("Link", "")
            path = link.partition(">")[0].removeprefix("<")
        if len(seen) == 2:
            await inbox.receive("ada@example.com", "mail 5")

    assert seen == [f"mail {number}" for number in range(6)]


async def test_every_wrong_argument_is_named_at_once(inbox: Inbox) -> None:
    async with inbox.session.get("/messages?count=0&start=-1&colour=red") as answer:
        problem = await answer.json(content_type="application/problem+json")

        assert answer.status == 400
        assert {fault["field"] for fault in problem["errors"]} == {"count", "start", "colour"}


async def test_commands_sent_together_are_answered_one_by_one(inbox: Inbox) -> None:
    """RFC 2920: the next mail's commands may stand behind the final dot of this one."""
    reader, writer = await asyncio.open_connection(HOST, inbox.smtp_port)
    await reader.readline()
    writer.write(b"EHLO here.example\r\n")
    announced = await asyncio.wait_for(reader.readuntil(b"250 HELP\r\n"), 5)
    writer.write(b"MAIL FROM:<>\r\nRCPT TO:<ada@example.com>\r\nDATA\r\n")
    replies = [(await asyncio.wait_for(reader.readline(), 5))[:3] for _ in range(3)]
    writer.write(b"Subject: one\r\n\r\n..dots\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n")
    replies += [(await asyncio.wait_for(reader.readline(), 5))[:3] for _ in range(4)]
    writer.close()

    assert b"250-PIPELINING" in announced
    assert replies == [b"250", b"250", b"354", b"250", b"250", b"250", b"354"]
    assert [message["text"] for message in await inbox.messages()] == [".dots\r\n"]


async def test_what_came_by_mail_is_escaped_in_the_pages(inbox: Inbox) -> None:
    await inbox.receive("ada@example.com", "<script>alert(1)</script>", text="</pre><script>alert(2)</script>")

    for path in ("/", "/?to=%22%3E%3Cscript%3E", "/mail/1"):
        page, policy = await inbox.page(path)
        assert "<script" not in page
        assert "default-src 'none'" in policy
        assert "script-src" not in policy


async def test_the_html_part_is_shown_without_scripts_and_loads_nothing(inbox: Inbox) -> None:
    """Looking at a mail in the inbox must not be an opening."""
    await inbox.receive("ada@example.com", html="<script>alert(1)</script><img src='http://tracker.example/o/x'>")

    page, _ = await inbox.page("/mail/1")
    _, policy = await inbox.page("/mail/1/html")

    assert "<iframe" in page
    assert "allow-scripts" not in page
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "img-src data:;" in policy


async def test_a_broken_mail_is_shown_as_far_as_it_goes(inbox: Inbox) -> None:
    reader, writer = await asyncio.open_connection(HOST, inbox.smtp_port)
    broken = b"Subject: =?no-such-charset?q?caf=C3=A9?=\r\nContent-Type: text/plain; charset=wrong\r\n\r\nna\xefve\r\n"
    writer.write(b"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<ada@example.com>\r\nDATA\r\n" + broken + b".\r\nQUIT\r\n")
    await asyncio.wait_for(reader.read(), 5)
    writer.close()

    (message,) = await inbox.messages()
    page, _ = await inbox.page("/mail/1")

    assert message["text"].startswith("na")
    assert "na" in page
    async with inbox.session.get("/messages/1/source") as answer:
        assert await answer.read() == broken


async def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    """Memory and disk stay bounded however long it runs."""
    store = MailStore(tmp_path / "inbox.sqlite", keep=10)
    for number in range(1_000):
        mail_id = store.add(SOON, "email", "", [f"reader{number}@example.com"], b"\r\n")
        store.add_receipt(mail_id - 1, "delivered")
    store.add_receipt(1, "delivered")  # of one that is forgotten

    assert store.count() == 10
    assert store._file.execute("SELECT count(*) FROM receipt").fetchone() == (9,)
    assert [mail.recipients for mail in store.before(None, 1)] == [("reader999@example.com",)]
    assert store.count("reader5@example.com") == 0
    store.close()


async def test_mail_is_there_again_after_a_restart(tmp_path: Path) -> None:
    store = MailStore(tmp_path / "inbox.sqlite")
    store.add(SOON, "email", "", ["ada@example.com"], b"Subject: here\r\n\r\n")
    store.close()

    again = MailStore(tmp_path / "inbox.sqlite")

    assert [mail.content for mail in again.after(0, 10)] == [b"Subject: here\r\n\r\n"]
    again.close()
