"""A run of the whole in which everything goes wrong: no address, key, password or token is in what is told of it."""

import asyncio
import io
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from shared.bus.in_process import InProcess
from shared.postgres.database import Database
from tests.everything_stored import places_of
from tests.faults.hostile.overheard import overheard
from tests.faults.measured import Measured
from tests.integration.tracker.relays import relay
from tests.integration.watching.whole import Whole, whole_on
from tests.sinks.fake_gateway import FakeGateway, answer
from tests.sinks.fake_gateway import Step as SmsStep
from tests.sinks.fake_relay import Action, FakeRelay, Say, Step
from tests.sinks.receiver import Receiver, Request, status

NAME: Final = "canary7731"  #: in the address, in vars, in names
PHONE: Final = "7700900781"
PASSWORD: Final = "hush8842"  #: of callback, postback and file
QUERY: Final = "hidden5519"  #: a token in the query of a callback
PEOPLE = [
    {"email": f"{NAME}.{n}@nest.example", "telephone": f"+44{PHONE}", "vars": {"name": NAME}} for n in range(1)
] + [{"email": f"{NAME}.{n}@nest.example", "vars": {"name": NAME}} for n in range(1, 6)]
MAIL: Final = {
    "channel": "email",
    "name": "News",
    "subject": "Hello {{ vars.name }}",
    "from_email": "news@example.com",
    "html": '<a href="https://example.com/a">a</a> {{ unsubscribe_url }}',
}
TEXT: Final = {"channel": "sms", "name": "T", "sender": "Acme", "body": "Hi {{ vars.name }} {{ unsubscribe_url }}"}
TOKEN: Final = re.compile(rb"/[ocu]/([A-Za-z0-9_-]{20,})")


def relay_that_repeats(step: Step) -> Action | None:
    """Refuses some, defers one, hangs up on one, and names them as relays do."""
    words = {1: b"550 5.1.1 <%s> unknown", 2: b"451 4.2.0 <%s> later", 3: b"421 4.3.2 go away, %s"}
    if step.stage == "rcpt" and step.message % 5 in words:
        named = re.search(rb"<(.*?)>", step.argument)
        return Say(words[step.message % 5].replace(b"%s", named[1] if named else b"?") + b"\r\n")
    return None


def gateway_that_repeats(step: SmsStep) -> Action | None:
    return answer(400, f"no such number: {step.sms['to']}") if step.stage == "request" else None


async def receiver_that_repeats(request: Request) -> bytes | None:
    return status(500, f"X-Said: {request.line[:200]}\r\n")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url)
    yield database
    await database.close()


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    owner = await Database.connect(database_url, role=None, connections=1)
    yield owner
    await owner.close()


@dataclass
class Run:
    """What is done to the whole, and the errors that were answered."""

    whole: Whole
    url: str  #: of a receiver, with user and password
    errors: list[str] = field(default_factory=list)

    async def send(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        sent = {"Authorization": f"Bearer {self.whole.key}", **headers}
        async with self.whole.session.request(method, self.whole.api.url + path, json=body, headers=sent) as answered:
            if answered.status >= 400:
                self.errors.append(f"{answered.status} {dict(answered.headers)} {await answered.text()}")
                return None
            return await answered.json() if method != "HEAD" else None

    async def send_to_everybody(self) -> None:
        made = await self.send("POST", "/list", {"name": "Nest"})
        await self.send("POST", f"/list/{made['id']}/subscriber", PEOPLE)
        ids = [(await self.send("POST", "/message", each))["id"] for each in (MAIL, TEXT)]
        for channel, message in zip(("email", "sms"), ids, strict=True):
            task = {"channel": channel, "list_id": made["id"], "message_id": message, "scheduledtime": 0}
            await self.send("POST", "/task", {**task, "name": NAME, "in_doubt": "hold"})
        domain = await self.send("POST", "/domain", {"name": "bounce.example.com", "bouncing": True})
        wish = {"name": NAME, "list": made["id"], "domain": domain["id"], "event_callback": f"{self.url}?t={QUERY}"}
        campaign = await self.send("POST", "/campaign", wish)
        await self.send("POST", f"/campaign/{campaign['id']}/payload", {"channel": "email", "message_id": ids[0]})
        await self.send("PUT", f"/campaign/{campaign['id']}", {"when": 0, "state": "SCHEDULED"})
        await self.send("POST", f"/message/{ids[0]}/test", {"to": [f"{NAME}.proof@nest.example"]})

    async def start_jobs(self) -> None:
        told = {"postback_url": f"{self.url}?t={QUERY}", "report_email": f"{NAME}.report@nest.example"}
        for job in (
            {"job": "import", "list": "Nest", "url": f"{self.url}/people.csv?t={QUERY}", **told},
            {"job": "import", "list": "Nest", "emails": f"{NAME}.new@nest.example,{NAME}", **told},
            {"job": "update", "emails": f"{NAME}.1@nest.example", "update": {"vars": {"note": NAME}}, **told},
        ):
            await self.send("POST", "/job", job)

    async def make_key(self) -> str:
        """What proves it: told this once, also to whoever asks twice."""
        user = await self.send("POST", "/user", {"name": "Bob", "role": "admin"})
        wish = {"user_id": user["id"], "name": "Laptop"}
        made = [await self.send("POST", "/key", wish, **{"Idempotency-Key": "once"}) for _ in range(2)]
        return str(made[0]["key"]).split("_", 2)[2]

    async def ask_wrongly(self) -> None:
        """By people who know a secret and say it where it does not belong, or stumble over each other's addresses."""
        key = self.whole.key
        for method, path, body in (
            ("GET", f"/task?name={NAME}&unknown=1", None),
            ("GET", f"/subscriber?email={NAME}.1%40nest.example&x=1", None),
            ("POST", "/list/1/subscriber", [{"email": f"{NAME}.1@nest.example", "external_id": "e"}] * 2),
            ("PUT", "/subscriber/2", {"email": f"{NAME}.0@nest.example"}),
            ("PUT", "/subscriber/2", {"telephone": f"+44{PHONE}"}),
            ("POST", "/task", {"channel": "email"}),
            ("GET", "/list/999", None),
            ("DELETE", "/list/1/subscriber/999", None),
        ):
            await self.send(method, path, body)
        for stranger in (key[:-1] + "x", f"pr_aaaaaaaa_{key[-32:]}", f"{NAME}{key}"):
            await self.send("GET", "/task", Authorization=f"Bearer {stranger}")
            await self.send("GET", "/v1/list", Authorization=f"Bearer {stranger}")
            await self.send("POST", "/job", {"job": "import"}, Authorization=f"Bearer {stranger}")

    async def break_the_database(self, owner: Database) -> None:
        """A row that must not be, of which Postgres tells everything: a failure of the service."""
        await owner.execute(f"ALTER TABLE list ADD CONSTRAINT no_canary CHECK (name NOT LIKE '%{NAME}%') NOT VALID")
        await owner.execute("ALTER TABLE subscriber ADD CONSTRAINT no_bird CHECK (email NOT LIKE '%bird%') NOT VALID")
        await self.send("POST", "/list", {"name": NAME})
        await self.send("POST", "/list/1/subscriber", {"email": f"{NAME}.bird@nest.example"})
        await self.send("POST", "/job", {"job": "import", "list": "Nest", "emails": f"{NAME}.bird@nest.example"})

    async def use_links(self, mails: FakeRelay) -> list[str]:
        """Those of each mail, changed and unchanged; answers the tokens."""
        tokens = sorted({token.decode() for taken in mails.ledger for token in TOKEN.findall(taken.content)})
        for token in tokens:
            for path in (f"/o/{token}", f"/c/{token}", f"/u/{token}", f"/c/{token}x?q={NAME}", f"/s/{token}"):
                for method in ("GET", "POST"):
                    url = self.whole.tracker.url + path
                    async with self.whole.session.request(
                        method, url, data={NAME: PHONE}, allow_redirects=False
                    ) as said:
                        if said.status >= 400:
                            self.errors.append(f"{said.status} {dict(said.headers)} {await said.text()}")
        return tokens

    async def return_mail(self, mails: FakeRelay) -> None:
        senders = {taken.sender.decode() for taken in mails.ledger if taken.sender}
        content = f"From: {NAME}@nest.example\r\nSubject: Undelivered\r\n\r\n550 {NAME}.1@nest.example\r\n".encode()
        async with relay(self.whole.tracker.bounces.url) as line:
            for sender in sorted(senders)[:5]:
                await line.bring([sender], content)
            await line.bring([f"{NAME}@nest.example"], content)


async def until_quiet(whole: Whole, receiver: Receiver) -> None:
    """Everything was tried: tasks ended or wait, callbacks and postbacks were answered with failures."""
    async with asyncio.timeout(60):
        while (
            not any("events" in each.line for each in receiver.requests)
            or await whole.database.fetch_value("SELECT count(*) FROM task WHERE channel = 'sms' AND NOT completed")
            or await whole.database.fetch_value("SELECT count(*) FROM job_work WHERE NOT ended AND job_cursor = '{}'")
        ):
            await asyncio.sleep(0.05)


async def until_logged(bus: InProcess, lines: io.StringIO) -> None:
    """What broke last."""
    async with asyncio.timeout(20):
        while len(bus.dead_letters) < 2 or "check" not in lines.getvalue().lower():
            await asyncio.sleep(0.05)


@pytest.mark.fault(
    "F37",
    "a run of the whole with canaries, in which relay, gateway, receiver and database fail and repeat them",
    expects="0 in logs at debug, metrics, error answers, reasons of dead letters; passwords and keys in no row",
)
async def test_nothing_private_is_told(database: Database, owner: Database, tmp_path: Path, measured: Measured) -> None:
    """Whatever fails, and whoever repeats what he was sent."""
    bus = InProcess()
    with overheard() as lines:
        async with (
            FakeRelay(relay_that_repeats) as mails,
            FakeGateway(gateway_that_repeats) as gateway,
            Receiver(receiver_that_repeats) as receiver,
            whole_on(database, bus, tmp_path, mails.port, sms_url=gateway.url, log_level="debug") as whole,
        ):
            run = Run(whole, f"http://ada:{PASSWORD}@127.0.0.1:{receiver.port}/events")
            await run.send_to_everybody()
            await run.start_jobs()
            await run.ask_wrongly()
            await until_quiet(whole, receiver)
            tokens = await run.use_links(mails)
            await run.return_mail(mails)
            await run.break_the_database(owner)
            for role in ("dispatcher", "tracker"):
                await bus.put(role, f'{{"topic": "{NAME}", "key": "+44{PHONE}"}}'.encode())
            await until_logged(bus, lines)
            shown = {
                "metrics": str(await whole.scrape()),
                "dead letters": str([each.reason for each in bus.dead_letters]),
            }
            calls = [request.headers.get("authorization") for request in receiver.requests]
            secrets = {"key": whole.key.split("_", 2)[2], "posted": await run.make_key(), "password": PASSWORD}
            rows = {name: await places_of(owner, secret) for name, secret in secrets.items()}
    await bus.close()

    shown |= {"log": lines.getvalue(), "errors": "\n".join(run.errors)}
    words = (NAME, PHONE, PASSWORD, QUERY, secrets["key"], *tokens)
    hits = [(place, word) for place, text in shown.items() for word in words if word.lower() in text.lower()]
    measured.add(hits=len(hits), log_lines=shown["log"].count("\n"), error_answers=len(run.errors), canaries=len(words))
    assert hits == []
    assert rows == {name: [] for name in secrets}
    assert set(calls) == {"Basic YWRhOmh1c2g4ODQy"}
    assert len(tokens) > 2
    assert '"level": "error"' in shown["log"]
    assert any(error.startswith("500") for error in run.errors)
