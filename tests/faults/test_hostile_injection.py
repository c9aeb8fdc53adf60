"""Whatever is written into any field adds no command, recipient, header, part or formula; what is sent shows it."""

import asyncio
import csv
import io
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from shared.bus.in_process import InProcess
from shared.domain.csv_lines import neutral
from shared.postgres.database import Database
from tests.faults.measured import Measured
from tests.fuzz.messages import BARE, HEADERS
from tests.integration.watching.whole import Whole, whole_on
from tests.sinks.fake_gateway import FakeGateway
from tests.sinks.fake_relay import FakeRelay, Taken

TRICKS: Final = (
    *(
        "x\r\nBcc: eve@evil.example",
        "x\nBcc: eve@evil.example",
        "x\rBcc: eve@evil.example",
        "x\x00y",
        "x\x85Bcc: e@evil.example",
    ),
    *(
        "x\u2028Bcc: eve@evil.example",
        "x\u2029y",
        "x\x0by",
        "\r\n.\r\nMAIL FROM:<eve@evil.example>\r\nDATA",
        "\n.\nQUIT",
    ),
    *("a@b.co>\r\nRCPT TO:<eve@evil.example", "a@b.co> SIZE=1", "<eve@evil.example>", "a@b.co, eve@evil.example"),
    *(
        '"a" <eve@evil.example>',
        "=?utf-8?q?=0D=0ABcc:_eve@evil.example?=",
        "=?utf-8?b?DQpCY2M6IGV2ZQ==?=",
        "%0d%0aBcc: x",
    ),
    *("--=_\r\nContent-Type: text/html\r\n\r\n<b>", "{{ ''.__class__.__mro__ }}", "{{ 7919 * 7907 }}", "{% raw %}{{"),
    *("{{ vars | tojson }}", "{{ self }}", "${7919*7907}", "<%= 7919*7907 %>", "#{7919*7907}", "{{ email.__init__ }}"),
    *(
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-2+3",
        "@SUM(1+1)",
        "\t=1+1",
        "\r=1+1",
        "＝1+1",
        '"=1+1',
        "'; DROP TABLE event; --",
    ),
)
SOME: Final = 8  #: of the tricks, in the short form, beside the formulas
#: What an injected recipient, a template that ran in a value, or a leaked setting would show.
FORBIDDEN: Final = re.compile(rb"62615533|<class |POSTROOM_|postgresql://")
VERBS: Final = {b"EHLO", b"MAIL", b"RCPT", b"DATA", b"RSET", b"QUIT"}
MAIL: Final = {
    "channel": "email",
    "name": "n",
    "subject": "s",
    "from_email": "news@example.com",
    "text": "hi {{ vars.a }}",
}
SMS: Final = {"channel": "sms", "name": "n", "sender": "Acme", "body": "hi {{ vars.a | default('') }}"}
EVERY_VALUE: Final = {**MAIL, "subject": "{{ vars.a }}", "html": "<p>{{ vars.a }}</p>", "from_name": "Shop"}


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url)
    yield database
    await database.close()


def people(trick: str, number: int) -> Iterator[dict[str, Any]]:
    """It in each field of a subscriber."""
    mail = f"p{number}@example.org"
    yield {"email": mail, "vars": {"a": trick}}
    yield {"email": f"k{number}@example.org", "vars": {trick: "a"}}
    yield {"email": f"x{number}@example.org", "external_id": trick, "source": trick}
    yield {"email": trick}
    yield {"email": f"{trick}@example.org"}
    yield {"email": f"a@{trick}"}
    yield {"telephone": trick}
    yield {"telephone": f"+447700900{number:03}", "vars": {"a": trick}}


def messages(trick: str) -> Iterator[dict[str, Any]]:
    """It in each field of a message."""
    for name in ("name", "subject", "from_name", "from_email", "reply_to", "html", "text"):
        yield {**MAIL, name: trick}
    yield {**MAIL, "from_email": f"{trick}@example.com"}
    for name in ("name", "sender", "body"):
        yield {**SMS, name: trick}


@dataclass
class Run:
    whole: Whole
    tricks: list[str]
    statuses: Counter[int] = field(default_factory=Counter)

    async def send(self, path: str, body: object) -> Any:
        key = {"Authorization": f"Bearer {self.whole.key}"}
        async with self.whole.session.request("POST", self.whole.api.url + path, json=body, headers=key) as answer:
            self.statuses[answer.status] += 1
            assert answer.status < 500, (path, body)
            return await answer.json() if answer.status < 300 else None

    async def fetch(self, url: str, **headers: str) -> bytes:
        key = {"Authorization": f"Bearer {self.whole.key}", **headers}
        async with self.whole.session.get(url, headers=key) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.read()

    async def write_everywhere(self) -> None:
        """Each trick into each field that takes text; what is taken is sent."""
        await self.send("/list", {"name": "Everybody"})
        for number, trick in enumerate(self.tricks):
            for person in people(trick, number):
                await self.send("/list/1/subscriber", [person])
        await self.send("/list", {"name": "One"})
        await self.send(
            "/list/2/subscriber", {"email": "only@example.org", "telephone": "+447700900999", "vars": {"a": 1}}
        )
        for trick in self.tricks:
            await self.send("/domain", {"name": trick})
            await self.send("/list", {"name": trick})
            await self.send("/suppression", {"email": f"s{len(trick)}@example.org", "source": trick, "detail": trick})
            for each in messages(trick):
                if (made := await self.send("/message", each)) is not None:
                    await self.start(each["channel"], 2, made["id"], trick)
        for each in (EVERY_VALUE, SMS):
            made = await self.send("/message", each)
            await self.start(str(each["channel"]), 1, made["id"], "everybody")

    async def start(self, channel: str, list_id: int, message: int, name: str) -> None:
        task = {"channel": channel, "list_id": list_id, "message_id": message, "scheduledtime": 0}
        made = await self.send("/task", {**task, "name": name})
        if made is None:
            await self.send("/task", {**task, "name": "n"})

    async def until_sent(self) -> None:
        async with asyncio.timeout(90):
            while await self.whole.database.fetch_value("SELECT count(*) FROM task WHERE NOT completed"):
                await asyncio.sleep(0.1)

    async def tables(self) -> list[bytes]:
        """Everything that is given as CSV: an export, a task's people, what is suppressed."""
        api, key = self.whole.api.url, {"Accept": "text/csv"}
        fields = {"vars": {"a": 1}, "lists": 1}
        job = await self.send("/job", {"job": "export_list_data", "list": "Everybody", "fields": fields})
        async with asyncio.timeout(60):
            while "export_url" not in (told := await self.told(job["job_id"])):
                await asyncio.sleep(0.1)
        path = "/" + told["export_url"].split("/", 3)[3]
        last = await self.whole.database.fetch_value("SELECT max(id) - 1 FROM task")
        return [await self.fetch(api + each, **key) for each in (path, f"/task/{last}/contact", "/suppression")]

    async def told(self, job: str) -> dict[str, Any]:
        async with self.whole.session.get(
            f"{self.whole.api.url}/job?job_id={job}", headers={"Authorization": f"Bearer {self.whole.key}"}
        ) as answer:
            found: dict[str, Any] = await answer.json()
            return found


def faults_of(taken: Taken) -> list[str]:
    """What somebody has added to a mail."""
    head = taken.content.partition(b"\r\n\r\n")[0]
    names = {line.partition(b":")[0].decode() for line in re.sub(rb"\r\n[ \t]", b" ", head).split(b"\r\n")}
    faults = [f"header {name}" for name in names - HEADERS]
    faults += ["a bare line end"] if BARE.search(taken.content) else []
    faults += [f"said {found[0]!r}" for found in FORBIDDEN.finditer(taken.content)]
    return faults


def formulas_in(table: bytes) -> list[str]:
    return [
        cell for row in csv.reader(io.StringIO(table.decode(), newline="")) for cell in row if neutral(cell) != cell
    ]


@pytest.mark.fault(
    "F35",
    "line ends, commands, templates and formulas in every field, sent to a relay and a gateway, and exported",
    expects="0 unknown commands, recipients, headers or parts; no value is run; 0 cells that a spreadsheet runs",
)
@pytest.mark.timeout(240)
async def test_nothing_that_is_written_does_more_than_stand_there(
    database: Database, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """The ledgers of relay and gateway hold what was stored, and no more."""
    tricks = [*TRICKS] if rounds > 1 else [*dice.sample(TRICKS[:-9], SOME), *TRICKS[-9:-5]]
    bus = InProcess()
    async with (
        FakeRelay() as mails,
        FakeGateway() as gateway,
        whole_on(
            database, bus, tmp_path, mails.port, sms_url=gateway.url, object_store_url=f"file://{tmp_path}/files"
        ) as whole,
    ):
        run = Run(whole, tricks)
        await run.write_everywhere()
        await run.until_sent()
        tables = await run.tables()
    await bus.close()
    rows = await database.fetch("SELECT email, telephone FROM subscriber")
    known = {row["email"] for row in rows} | {row["telephone"] for row in rows}
    strangers = [each for each in (*mails.recipients(), *(sms["to"] for sms in gateway.ledger)) if each not in known]
    unknown = [line for line in mails.commands if line.split(b" ")[0].split(b"\r")[0].upper() not in VERBS]
    faults = [fault for taken in mails.ledger for fault in faults_of(taken)]
    formulas = [cell for table in tables for cell in formulas_in(table)]
    figures = {"taken": run.statuses[201] + run.statuses[200], "refused": run.statuses[400], "hits": len(faults)}
    measured.add(tricks=len(tricks), **figures, mails=len(mails.ledger), texts=len(gateway.ledger))
    assert (strangers, unknown, faults, formulas) == ([], [], [], [])
    assert not any("evil" in str(each) for each in known)
    assert all(any(trick in table.decode() for table in tables) for trick in ("=cmd|", "@SUM"))
    assert len(mails.ledger) > 3 * len(tricks)
    assert len(gateway.ledger) > 2 * len(tricks)
