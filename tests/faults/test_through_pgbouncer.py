"""The main job through PgBouncer in transaction mode: nobody needs a session of his own."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from shared.postgres.database import Database, WrongRole
from tests.faults.installation import Installation, installed
from tests.servers.pgbouncer import PgBouncer

LOGIN = "postroom_pooled"
PEOPLE = 300
#: As docs/how-to/scale-out.md has it.
SETTINGS = ("role = 'postroom_service'", "idle_in_transaction_session_timeout = '30s'", "jit = off", "timezone = 'UTC'")
MESSAGE = {
    "channel": "email",
    "name": "Autumn",
    "subject": "Autumn",
    "from_email": "news@example.com",
    "html": '<p>Hello <a href="https://example.com/autumn">Autumn</a> <a href="{{ unsubscribe_url }}">leave</a></p>',
}


@pytest.fixture(scope="module")
async def login(postgres_url: str) -> AsyncIterator[str]:
    """The user and password of a login that owns nothing."""
    owner = await Database.connect(postgres_url, role=None, connections=1)
    await owner.execute(f"CREATE ROLE {LOGIN} LOGIN PASSWORD 'pooled' IN ROLE postroom_service")
    yield f"{LOGIN}:pooled"
    await owner.execute(f"DROP ROLE {LOGIN}")
    await owner.close()


@pytest.fixture
async def pooler(database_url: str, login: str) -> AsyncIterator[PgBouncer]:
    parts = urlsplit(database_url)
    with tempfile.TemporaryDirectory(prefix="postroom-test-") as folder:
        own = parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}")
        pooler = PgBouncer(Path(folder), urlunsplit(own))
        pooler.start()
        yield pooler
        pooler.stop()


async def set_up(database_url: str) -> None:
    owner = await Database.connect(database_url, role=None, connections=1)
    for setting in SETTINGS:
        await owner.execute(f"ALTER ROLE {LOGIN} SET {setting}")
    await owner.close()


async def test_a_login_that_does_not_act_as_the_service_is_refused(pooler: PgBouncer) -> None:
    """It might be allowed to change what was recorded."""
    with pytest.raises(WrongRole, match=f"acts as {LOGIN}: ALTER ROLE"):
        await Database.connect(pooler.url, pooled=True)


async def test_the_main_job_is_done_through_pgbouncer(
    database_url: str, amqp_url: str, pooler: PgBouncer, tmp_path: Path
) -> None:
    """List, people, message and task by HTTP; sent, counted, completed; and every event published."""
    await set_up(database_url)
    pooled = {"POSTROOM_DATABASE_URL": pooler.url, "POSTROOM_DATABASE_POOLED": "on"}
    changes = dict.fromkeys(("api", "dispatcher", "tracker"), pooled)
    async with installed(database_url, amqp_url, tmp_path, changes) as installation:
        task_id = await post_all(installation)
        await installation.completed(task_id)
        report = await installation.call("GET", f"/task/{task_id}/report")
        assert report["unique"]["delivered"] == PEOPLE
        await published(installation)
        sessions = await installation.database.fetch_value(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = $1", LOGIN
        )
    assert 0 < sessions <= 2
    assert installation.relay.taken.total() == PEOPLE
    logs = "".join(path.read_text() for path in tmp_path.glob("*.log"))
    assert "prepared statement" not in logs
    assert "loop_failed" not in logs


async def post_all(installation: Installation) -> int:
    """The task's id."""
    made = await installation.call("POST", "/list", {"name": "Everybody"})
    people = [{"email": f"reader{number}@example.com"} for number in range(PEOPLE)]
    await installation.call("POST", f"/list/{made['id']}/subscriber", people)
    message = await installation.call("POST", "/message", MESSAGE)
    wish = {"channel": "email", "name": "Autumn", "list_id": made["id"], "message_id": message["id"]}
    wish |= {"scheduledtime": 0}
    return int((await installation.call("POST", "/task", wish))["id"])


async def published(installation: Installation) -> None:
    """Until nothing waits for the relay."""
    async with asyncio.timeout(60):
        while await installation.metric("api", "postroom_relay_lag_events") > 0:
            await asyncio.sleep(0.2)
