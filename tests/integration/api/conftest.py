"""A whole API on a database of its own, and a client that speaks HTTP to it."""

import asyncio
import atexit
import io
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
import pytest

from services.api.app import RunningApi, start_api
from services.api.keys import CreatedKey, create_key
from shared.bus.in_process import InProcess
from shared.domain.account import Role
from shared.domain.identifiers import TaskId, task_stream
from shared.domain.refusal import Refused
from shared.event_store.handle_command import Handler
from shared.event_store.interface import Actor
from shared.event_store.on_postgres import PostgresEventStore
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Database
from shared.runtime import clock
from shared.runtime.settings import Settings, read_settings
from tests.faults.conftest import dice, measured, rounds  # noqa: F401 - fixtures of what measures itself here

SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldC0="
NOW_DUE = 1_700_000_000
LATER = 4_000_000_000


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Any
    data: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.data)

    @property
    def faults(self) -> set[str]:
        """The fields a problem names."""
        return {error["field"] for error in self.json["errors"]}


@dataclass
class Client:
    """Speaks to the API with one key; every reply that is a problem is checked to be one."""

    url: str
    session: aiohttp.ClientSession
    key: str | None
    created: CreatedKey | None = None
    headers: dict[str, str] = field(default_factory=dict)

    async def send(self, method: str, path: str, body: Any = None, **options: Any) -> Reply:
        headers = {**({"Authorization": f"Bearer {self.key}"} if self.key else {}), **options.pop("headers", {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
        async with self.session.request(
            method,
            self.url + path,
            data=io.BytesIO(body) if body else body,
            headers=headers,
            allow_redirects=False,
            **options,
        ) as response:
            reply = Reply(response.status, response.headers, await response.read())
        if reply.status >= 400 and method != "HEAD":
            assert reply.headers["Content-Type"] == "application/problem+json"
            assert reply.json["status"] == reply.status
        return reply

    async def send_raw(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Reply:
        """What a client library would refuse to send or would put right is sent as it stands."""
        at = urlsplit(self.url)
        lines = {"Host": at.netloc, "Authorization": f"Bearer {self.key}", "Connection": "close", **headers}
        if body is not None:
            lines["Content-Length"] = str(len(body))
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        try:
            writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + (body or b""))
            async with asyncio.timeout(30):
                answered = await reader.read()
        finally:
            writer.close()
        answered = answered.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        top, _, data = answered.partition(b"\r\n\r\n")
        return Reply(int(top.split(b" ")[1]), {}, data)

    async def get(self, path: str, **options: Any) -> Reply:
        return await self.send("GET", path, **options)

    async def post(self, path: str, body: Any, **options: Any) -> Reply:
        return await self.send("POST", path, body, **options)

    async def put(self, path: str, body: Any, **options: Any) -> Reply:
        return await self.send("PUT", path, body, **options)


#: The files of jobs, of all tests.
FILES = Path(tempfile.gettempdir()) / f"postroom-test-files-{os.getpid()}"
atexit.register(shutil.rmtree, FILES, ignore_errors=True)


@pytest.fixture
def settings(database_url: str) -> Settings:
    given = {
        "POSTROOM_DATABASE_URL": database_url,
        "POSTROOM_BUS_URL": "inprocess:",
        "POSTROOM_SECRET": SECRET,
        "POSTROOM_API_PORT": "0",
        "POSTROOM_DNS_CHECK": "off",
        "POSTROOM_JOURNAL_DIR": str(Path("unused")),
        "POSTROOM_OBJECT_STORE_URL": f"file://{FILES}",
    }
    return read_settings(given, frozenset({"DATABASE_URL", "BUS_URL", "SECRET"}))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url)
    yield database
    await database.close()


@pytest.fixture
def store(database: Database) -> PostgresEventStore:
    return PostgresEventStore(database)


@pytest.fixture
async def bus() -> AsyncIterator[InProcess]:
    bus = InProcess()
    yield bus
    await bus.close()


@pytest.fixture
async def api(
    settings: Settings, database: Database, store: PostgresEventStore, bus: InProcess
) -> AsyncIterator[RunningApi]:
    running = await start_api(settings, database, store, bus)
    yield running
    await running.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=64), timeout=aiohttp.ClientTimeout(total=60)
    ) as session:
        yield session


@dataclass
class Clients:
    """Makes clients, each with a key of a user it names."""

    api: RunningApi
    session: aiohttp.ClientSession
    database: Database
    store: PostgresEventStore
    secret: tuple[bytes, ...]

    async def make(self, account: str = "acme", user: str = "ann", role: Role = "admin") -> Client:
        created = await create_key(self.database, self.store, self.secret, account, user, role, "test")
        assert not isinstance(created, Refused)
        return Client(self.api.url, self.session, created["key"], created)

    def without_key(self) -> Client:
        return Client(self.api.url, self.session, None)


@pytest.fixture
def clients(
    api: RunningApi,
    session: aiohttp.ClientSession,
    database: Database,
    store: PostgresEventStore,
    settings: Settings,
) -> Clients:
    return Clients(api, session, database, store, settings.secret)


@pytest.fixture
async def client(clients: Clients) -> Client:
    """An admin."""
    return await clients.make()


@dataclass(frozen=True)
class Ready:
    """A list with three subscribers and a message: what a task needs."""

    list_id: int
    message_id: int

    def task(self, **given: Any) -> dict[str, Any]:
        return {
            "channel": "email",
            "list_id": self.list_id,
            "message_id": self.message_id,
            "name": "News",
            "scheduledtime": LATER,
            **given,
        }


EMAIL_MESSAGE = {
    "channel": "email",
    "name": "News",
    "subject": 'Hello {{ vars.name | default("you") }}',
    "from_email": "news@example.com",
    "html": '<a href="https://example.com/a">a</a> {{ unsubscribe_url }}',
    "text": "https://example.com/b",
}


async def make_ready(client: Client) -> Ready:
    made = await client.post("/list", {"name": "Everybody"})
    list_id = made.json["id"]
    people = [{"email": f"p{number}@example.com", "telephone": f"+4477009001{number:02}"} for number in range(3)]
    await client.post(f"/list/{list_id}/subscriber", people)
    message = await client.post("/message", EMAIL_MESSAGE)
    return Ready(list_id, message.json["id"])


@pytest.fixture
async def ready(client: Client) -> Ready:
    return await make_ready(client)


async def count_events(database: Database) -> int:
    return int(await database.fetch_value("SELECT count(*) FROM event"))


@pytest.fixture
async def ready_task(client: Client, ready: Ready) -> int:
    """A task that is due in the far future."""
    return int((await client.post("/task", ready.task())).json["id"])


async def drive(store: PostgresEventStore, task_id: int, *commands: Any) -> None:
    """What the other services would command."""
    for command in commands:
        await Handler(store, clock.now).handle(TASKS, task_stream(TaskId(task_id)), command, Actor(1))


@pytest.fixture
async def domain(client: Client) -> int:
    """Takes bounces: DNS is not asked here."""
    made = await client.post("/domain", {"name": "bounce.example.com", "bouncing": True})
    return int(made.json["id"])


@pytest.fixture
async def segments(client: Client, ready: Ready) -> list[int]:
    """Two of the list, one of another, one of none."""
    other = (await client.post("/list", {"name": "Others"})).json["id"]
    wishes: list[dict[str, Any]] = [
        {"name": "s", "list_id": each, "query": {}} for each in (ready.list_id, ready.list_id, other, None)
    ]
    return [(await client.post("/search", wish)).json["id"] for wish in wishes]
