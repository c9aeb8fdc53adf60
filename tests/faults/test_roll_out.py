"""The schema of the next version beside the code of this one, under load: nothing that was accepted is lost."""

import asyncio
import base64
import random
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from pyroaring import BitMap

from services.api.keys import create_key
from shared.domain.refusal import Refused
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.postgres.migrate import MIGRATIONS, migrate
from tests.audience import post_task
from tests.faults.auditing import audit, deliveries_of, tell
from tests.faults.counting_relay import CountingRelay
from tests.faults.measured import Measured
from tests.faults.processes import ServiceProcess
from tests.faults.test_failover import eventually, sent, token_of
from tests.faults.test_kill_any_service import connected

RECIPIENTS = 3_000
SECRET = bytes(range(32))

#: What a next version may do to tables that this one reads and writes: each kind of expansion once.
AHEAD = """
ALTER TABLE store ADD COLUMN ahead text;
ALTER TABLE task ADD COLUMN ahead text, ADD COLUMN ahead_since timestamptz NOT NULL DEFAULT now();
ALTER TABLE list ADD COLUMN ahead jsonb NOT NULL DEFAULT '{}';
ALTER TABLE subscriber ADD COLUMN ahead integer;
ALTER TABLE subscription ADD COLUMN ahead boolean NOT NULL DEFAULT false;
ALTER TABLE event ADD COLUMN ahead text;
ALTER TABLE sending ADD COLUMN ahead text;
ALTER TABLE batch ADD COLUMN ahead integer NOT NULL DEFAULT 0;
ALTER TABLE segment ADD COLUMN ahead bytea;
ALTER TABLE projection ADD COLUMN ahead integer NOT NULL DEFAULT 0;
ALTER TABLE ordinal_set ADD COLUMN ahead text;
CREATE INDEX batch_ahead ON batch (ahead, task_id) WHERE NOT done;
CREATE TABLE ahead (id bigint PRIMARY KEY, note text);
CREATE FUNCTION ahead() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.ahead := '"seen"'; RETURN NEW; END $$;
CREATE TRIGGER ahead BEFORE INSERT ON list FOR EACH ROW EXECUTE FUNCTION ahead();
"""


@dataclass
class Caller:
    """Makes lists, one after the other, as fast as they are answered."""

    url: str
    key: str
    accepted: dict[int, str] = field(default_factory=dict)  #: names by the ids that were answered
    refused: list[int] = field(default_factory=list)  #: statuses

    async def call(self, enough: asyncio.Event) -> None:
        headers = {"Authorization": f"Bearer {self.key}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            while not enough.is_set():
                name = f"list {len(self.accepted) + len(self.refused)} of {id(self)}"
                async with session.post(f"{self.url}/list", json={"name": name}) as answer:
                    if answer.status == 201:
                        self.accepted[(await answer.json())["id"]] = name
                    else:
                        self.refused.append(answer.status)


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@contextmanager
def services_on(database_url: str, relay: CountingRelay, folder: Path) -> Iterator[str]:
    """All three, of this version; where the API is."""
    port = free_port()
    environment = {
        "POSTROOM_DATABASE_URL": database_url,
        "POSTROOM_BUS_URL": "inprocess:",
        "POSTROOM_SMTP_URL": relay.url,
        "POSTROOM_SECRET": base64.b64encode(SECRET).decode(),
        "POSTROOM_JOURNAL_DIR": str(folder / "journal"),
        "POSTROOM_OBJECT_STORE_URL": f"file://{folder}/objects",
        "POSTROOM_API_PORT": str(port),
        "POSTROOM_TRACKER_PORT": "0",
        "POSTROOM_BOUNCE_PORT": "0",
        "POSTROOM_METRICS_PORT": "0",
        "POSTROOM_TRACKER_URL": "http://127.0.0.1:1",
        "POSTROOM_SWEEP_SECONDS": "0.5",
        "POSTROOM_DNS_CHECK": "off",
    }
    services = [ServiceProcess(name, environment, folder / f"{name}.log") for name in ("api", "dispatcher", "tracker")]
    try:
        for service in services:
            service.start()
        yield f"http://127.0.0.1:{port}"
    finally:
        for service in services:
            service.kill()


async def answers(url: str) -> None:
    async with asyncio.timeout(60), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"{url}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)


def one_ahead(folder: Path) -> Path:
    """The migrations there are, and one that is not there yet."""
    ahead = folder / "migrations"
    shutil.copytree(MIGRATIONS, ahead)
    (ahead / "9999_ahead.sql").write_text(AHEAD)
    return ahead


async def a_key(database: Database) -> str:
    made = await create_key(database, PostgresEventStore(database), (SECRET,), "acme", "ann", "admin", "test")
    assert not isinstance(made, Refused)
    return made["key"]


@pytest.mark.fault(
    "F39",
    "the schema of the next version is brought in under load, beside the code of this one",
    expects="commands go on, sending goes on; nothing accepted is lost, nobody doubled",
)
@pytest.mark.timeout(180)
async def test_code_of_this_version_runs_on_the_schema_of_the_next(
    database_url: str, tmp_path: Path, dice: random.Random, measured: Measured
) -> None:
    """Columns with and without defaults, an index, a table, a trigger: all that expanding is made of."""
    async with CountingRelay(seconds_each=0.004) as relay, connected(database_url) as database:
        key, enough = await a_key(database), asyncio.Event()
        await post_task(database, RECIPIENTS)
        with services_on(database_url, relay, tmp_path) as url:
            await answers(url)
            callers = [Caller(url, key) for _ in range(3)]
            calling = asyncio.gather(*(caller.call(enough) for caller in callers))
            await sent(relay, dice.randint(200, 600))
            assert await migrate(database_url, one_ahead(tmp_path)) == ["9999_ahead.sql"]
            before = sum(len(caller.accepted) for caller in callers)
            await eventually(database, "SELECT completed FROM task WHERE id = 1")
            enough.set()
            await calling
        rows = await database.fetch("SELECT id, name FROM list WHERE name LIKE '% of %'")
        findings = await audit(database, deliveries=deliveries_of(relay))

    accepted = {number: name for caller in callers for number, name in caller.accepted.items()}
    refused = [status for caller in callers for status in caller.refused]
    copies = {token_of(name).ordinal: count for name, count in relay.taken.items()}
    assert {row["id"]: row["name"] for row in rows} == accepted
    assert refused == []
    assert len(accepted) > before, "nothing was accepted after the migration: the test shows nothing"
    assert BitMap(copies) == BitMap(range(RECIPIENTS)), "somebody is missing"
    assert max(copies.values()) == 1
    assert not findings, tell(findings)
    measured.add(lost=0, doubled=0, accepted=len(accepted), refused=len(refused), sent=RECIPIENTS)
