"""A dump taken in mid-send, restored into a new server: nothing is sent before somebody confirms; nobody is lost."""

import asyncio
import base64
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from pyroaring import BitMap

from services.standalone.embedded_postgres import EmbeddedPostgres
from shared.delivery_log.ordinal_sets import read_sets
from shared.domain.delivery import Kind
from shared.postgres.database import Database
from shared.postgres.migrate import migrate
from tests.audience import post_task
from tests.faults.auditing import audit, deliveries_of, tell
from tests.faults.counting_relay import CountingRelay
from tests.faults.measured import Measured
from tests.faults.processes import ServiceProcess
from tests.faults.test_failover import eventually, sent, token_of
from tests.faults.test_kill_any_service import connected
from tests.servers.backends import made
from tests.servers.postgres import choose_embedded
from tests.servers.standby import run_tool

RECIPIENTS = 3_000
DUE = 40  #: recipients of a task that comes due while the backup lies there
SECRET = bytes(range(32))
_POSTROOM = Path(sys.executable).with_name("postroom")


@contextmanager
def servers() -> Iterator[list[EmbeddedPostgres]]:
    """One that will be lost, and an empty one."""
    with ExitStack() as stack:
        both = [stack.enter_context(made(choose_embedded())) for _ in range(2)]
        for server in both:
            server.start()
        yield [server for server in both if isinstance(server, EmbeddedPostgres)]


def environment_of(url: str, relay: CountingRelay, folder: Path) -> dict[str, str]:
    return {
        "POSTROOM_DATABASE_URL": url,
        "POSTROOM_BUS_URL": "inprocess:",
        "POSTROOM_SMTP_URL": relay.url,
        "POSTROOM_SMTP_CONNECTIONS": "4",
        "POSTROOM_SECRET": base64.b64encode(SECRET).decode(),
        "POSTROOM_JOURNAL_DIR": str(folder),
        "POSTROOM_TRACKER_PORT": "0",
        "POSTROOM_BOUNCE_PORT": "0",
        "POSTROOM_METRICS_PORT": "0",
        "POSTROOM_TRACKER_URL": "http://127.0.0.1:1",
        "POSTROOM_SWEEP_SECONDS": "0.5",
        "POSTROOM_DNS_CHECK": "off",
    }


@contextmanager
def services_in(environment: Mapping[str, str], folder: Path) -> Iterator[None]:
    services = [ServiceProcess(name, environment, folder / f"{name}.log") for name in ("dispatcher", "tracker")]
    try:
        for service in services:
            service.start()
        yield
    finally:
        for service in services:
            service.kill()


def back_up(server: EmbeddedPostgres, folder: Path) -> None:
    """As docs/how-to/restore.md says."""
    roles = run_tool(server, "pg_dumpall", "--roles-only", "--no-role-passwords", "-d", server.url)
    (folder / "roles.sql").write_bytes(roles)
    run_tool(server, "pg_dump", "--format=custom", "--file", str(folder / "postroom.dump"), server.url)


def restore(server: EmbeddedPostgres, folder: Path) -> None:
    """Likewise; that the owner is there already is no fault."""
    run_tool(server, "psql", "--quiet", "--file", str(folder / "roles.sql"), server.url)
    run_tool(server, "pg_restore", "--exit-on-error", "--dbname", server.url, str(folder / "postroom.dump"))


def postroom(command: str, environment: Mapping[str, str]) -> int:
    """The exit code."""
    path = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    return subprocess.run([_POSTROOM, command], env={**path, **environment}, check=False, timeout=60).returncode


async def send_and_lose(
    server: EmbeddedPostgres, relay: CountingRelay, folder: Path, dice: random.Random
) -> tuple[int, int]:
    """The backup is taken in mid-send; so many were sent to by then, and so many when all was lost."""
    await migrate(server.url)
    async with connected(server.url) as database:
        await post_task(database, RECIPIENTS)
        await post_task(database, DUE, number=2)
        await database.execute("UPDATE task SET scheduledtime = now() + interval '1 hour' WHERE id = 2")
        with services_in(environment_of(server.url, relay, folder), folder):
            await sent(relay, dice.randint(300, 800))
            backed_up = relay.taken.total()
            await asyncio.to_thread(back_up, server, folder)
            await sent(relay, relay.taken.total() + dice.randint(200, 500))
    server.kill()
    return backed_up, relay.taken.total()


async def is_held(url: str, database: Database, relay: CountingRelay, folder: Path) -> None:
    """The dispatcher runs, the second task is due, the seconds after a failover are over, and nothing is sent."""
    await database.execute("UPDATE task SET scheduledtime = now() - interval '1 minute' WHERE id = 2")
    async with asyncio.timeout(60):
        while '"ready"' not in (folder / "dispatcher.log").read_text().split("journals_reconciled")[-1]:
            await asyncio.sleep(0.1)
    owner = await Database.connect(url, role=None)
    await owner.execute("UPDATE store SET opens_at = clock_timestamp()")
    await owner.close()
    before = relay.taken.total()
    await eventually(database, "SELECT opens_at + interval '1.5 seconds' < clock_timestamp() FROM store")
    assert relay.taken.total() == before
    assert await database.fetch_value("SELECT NOT started FROM task WHERE id = 2")


@pytest.mark.fault(
    "F41",
    "a dump taken in mid-send is restored into a new server",
    expects="nothing sent until an operator confirms; then nobody lost, every double listed",
)
@pytest.mark.timeout(240)
async def test_a_restored_dump_waits_for_its_operator(
    tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """Who was sent to between the backup and the loss is in the journal alone."""
    for number in range(1, rounds + 1):
        folder = tmp_path / str(number)
        folder.mkdir()
        with servers() as (lost, new):
            await one_restore(lost, new, folder, dice, measured)
    measured.add(rounds=rounds)


async def one_restore(
    lost: EmbeddedPostgres, new: EmbeddedPostgres, folder: Path, dice: random.Random, measured: Measured
) -> None:
    async with CountingRelay(seconds_each=0.005) as relay:
        backed_up, known = await send_and_lose(lost, relay, folder, dice)
        await asyncio.to_thread(restore, new, folder)
        environment = environment_of(new.url, relay, folder)
        assert postroom("migrate", environment) == 0
        async with connected(new.url) as database:
            why = await database.fetch_value("SELECT held_why FROM store")
            with services_in(environment, folder):
                await is_held(new.url, database, relay, folder)
                assert [postroom("confirm-restore", environment) for _ in range(2)] == [0, 1]
                await eventually(database, "SELECT bool_and(completed) FROM task")
            sets = await read_sets(database, 1, Kind)
            findings = await audit(database, deliveries=deliveries_of(relay))

    copies = {(token_of(name).task, token_of(name).ordinal): count for name, count in relay.taken.items()}
    doubled = BitMap(ordinal for (task, ordinal), count in copies.items() if count > 1)
    listed = sets.get(Kind.RESENT, BitMap()) | sets.get(Kind.HELD, BitMap())
    assert why == "the database is on another server than before"
    assert set(copies) == {(1, n) for n in range(RECIPIENTS)} | {(2, n) for n in range(DUE)}, "somebody is missing"
    assert doubled <= listed, "somebody was doubled silently"
    assert len(doubled) < known - backed_up, "the journal was not read"
    assert not findings, tell(findings)
    measured.add(outages=1, lost=0, sent_after_backup=known - backed_up, doubled=len(doubled), listed=len(listed))
