"""Migrations: each once, in order, all or nothing, by any number of processes at a time."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import yaml

from shared.postgres.database import Database, DatabaseError
from shared.postgres.migrate import MIGRATIONS, MigrationChanged, migrate, read_migrations
from tests.servers import databases
from tests.servers.backends import Server

ALL = [migration.name for migration in read_migrations(MIGRATIONS)]


@pytest.fixture
async def empty_url(postgres_url: str, tmp_path: Path) -> AsyncIterator[str]:
    """A database of this test alone in which nothing was migrated."""
    name = f"postroom_migrate_{abs(hash(tmp_path))}"
    yield await databases.create(postgres_url, name)
    await databases.drop(postgres_url, name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the migrations that may be edited."""
    return Path(shutil.copytree(MIGRATIONS, tmp_path / "migrations"))


async def applied(url: str) -> list[str]:
    database = await Database.connect(url, role=None, connections=1)
    try:
        return [row["name"] for row in await database.fetch("SELECT name FROM migration ORDER BY number")]
    finally:
        await database.close()


def test_migrations_are_numbered_without_gap_or_repeat() -> None:
    assert [migration.number for migration in read_migrations(MIGRATIONS)] == list(range(1, len(ALL) + 1))


async def test_the_second_time_nothing_is_left_to_do(empty_url: str) -> None:
    assert await migrate(empty_url) == ALL
    assert await migrate(empty_url) == []


async def test_a_new_file_is_all_that_is_applied(empty_url: str, folder: Path) -> None:
    await migrate(empty_url, folder)
    (folder / "0099_more.sql").write_text("CREATE TABLE more (id integer); CREATE TABLE still_more (id integer);")

    assert await migrate(empty_url, folder) == ["0099_more.sql"]
    assert await applied(empty_url) == [*ALL, "0099_more.sql"]


async def test_a_file_that_was_applied_and_changed_is_refused(empty_url: str, folder: Path) -> None:
    await migrate(empty_url, folder)
    changed = folder / ALL[1]
    changed.write_text(changed.read_text(encoding="utf-8") + "-- one more thought\n", encoding="utf-8")
    (folder / "0099_more.sql").write_text("CREATE TABLE more (id integer);")

    with pytest.raises(MigrationChanged, match=ALL[1]):
        await migrate(empty_url, folder)

    assert await applied(empty_url) == ALL


async def test_a_file_that_fails_leaves_nothing_of_itself(empty_url: str, folder: Path) -> None:
    (folder / "0099_more.sql").write_text("CREATE TABLE more (id integer); SELECT 1 / 0;")

    with pytest.raises(DatabaseError, match="22012"):
        await migrate(empty_url, folder)

    (folder / "0099_more.sql").write_text("CREATE TABLE more (id integer);")
    assert await migrate(empty_url, folder) == ["0099_more.sql"]


@pytest.mark.parametrize(("segments", "rules"), [(0, 1), (1, 0)], ids=["a new database", "one that has counted"])
async def test_sets_from_before_there_were_rules_are_judged_by_none(
    empty_url: str, folder: Path, segments: int, rules: int
) -> None:
    """They lack those of people: by the first rules everybody in them would be a machine."""
    (folder / next(name for name in ALL if "rules_of_the_projection" in name)).unlink()
    await migrate(empty_url, folder)
    database = await Database.connect(empty_url, role=None, connections=1)
    await database.execute(
        """INSERT INTO segment (shard, task_id, kind, batch, epoch, part, first_ordinal, last_ordinal, ordinals, hits)
           SELECT 0, 7, 4, 0, 0, n, 0, 0, '', '' FROM generate_series(1, $1) AS n""",
        segments,
    )

    await migrate(empty_url)

    assert await database.fetch_value("SELECT array_agg(DISTINCT rules) FROM projection") == [rules]
    await database.close()


async def test_several_at_once_apply_each_file_once(empty_url: str) -> None:
    outcomes = await asyncio.gather(*(migrate(empty_url) for _ in range(4)))

    assert sorted(name for names in outcomes for name in names) == ALL
    assert await applied(empty_url) == ALL


OPERATOR = yaml.safe_load((MIGRATIONS.parent / "examples" / "postgres.yaml").read_text(encoding="utf-8"))
ROLES_MADE: list[str] = OPERATOR["spec"]["bootstrap"]["initdb"]["postInitApplicationSQL"]


@pytest.mark.parametrize(
    ("may", "before"),
    [("CREATEROLE", []), ("", ROLES_MADE)],
    ids=["but may make roles", "nor make roles that are there"],
)
async def test_the_owner_need_not_be_a_superuser(private_postgres: Server, may: str, before: list[str]) -> None:
    """As on a hosted Postgres: a login that owns the database, nothing more."""
    server = await Database.connect(private_postgres.url, role=None, connections=1)
    await server.execute(f"CREATE ROLE owner LOGIN {may} PASSWORD 'owner'")
    await server.execute("CREATE DATABASE owned OWNER owner")
    for statement in before:
        await server.execute(statement.replace("TO postroom", "TO owner"))
    await server.close()
    parts = urlsplit(private_postgres.url)
    url = urlunsplit(parts._replace(netloc=f"owner:owner@{parts.hostname}:{parts.port}", path="/owned"))

    assert await migrate(url) == ALL
    assert await migrate(url) == []

    service = await Database.connect(url, connections=1)
    assert await service.fetch_value("SELECT current_user::text") == "postroom_service"
    assert await service.fetch_value("SELECT count(*) FROM event") == 0
    assert await service.fetch_value("SELECT has_table_privilege('postroom_scaler', 'batch', 'SELECT')")
    await service.close()


async def test_a_lock_is_waited_for_shortly_and_then_tried_again(empty_url: str, folder: Path) -> None:
    """Whoever waits for a table holds up everybody behind him: readers get through while a migration has to wait."""
    await migrate(empty_url, folder)
    (folder / "0099_more.sql").write_text("ALTER TABLE list ADD COLUMN more integer")
    database = await Database.connect(empty_url, role=None)
    async with database.transaction() as holder:
        await holder.execute("LOCK TABLE list IN ACCESS SHARE MODE")
        migrating = asyncio.create_task(migrate(empty_url, folder))
        async with asyncio.timeout(30):
            while not await database.fetch_value(
                "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted AND "
                "relation = 'list'::regclass"
            ):
                await asyncio.sleep(0.01)
            await database.fetch("SELECT * FROM list")  # behind it, until it gives up
        assert not migrating.done()

    assert await migrating == ["0099_more.sql"]
    await database.close()
