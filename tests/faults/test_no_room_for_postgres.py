"""Postgres without room for its data, or for its log of writes: what is not stored is not answered with 2xx."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from services.standalone.embedded_postgres import EmbeddedPostgres
from services.standalone.private_process import server_user
from shared.postgres.migrate import migrate
from tests.audience import post_task
from tests.faults.installation import account_for, installed
from tests.faults.measured import Measured
from tests.faults.persistent_caller import calling
from tests.faults.start_again import start_again
from tests.servers import databases
from tests.servers.postgres import DURABLE, choose_postgres
from tests.servers.small_disk import SmallDisk, mounted

SEGMENTS: Final = 8  #: more than there is room for
RECIPIENTS: Final = 1_000
MEGABYTE: Final = 1 << 20
#: It begins with some 60 MB.
SIZES: Final = {"data": 128 * MEGABYTE, "wal": 64 * MEGABYTE}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Whoever runs Postgres can reach it."""
    with tempfile.TemporaryDirectory(prefix="postroom-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
async def cramped(folder: Path) -> AsyncIterator[tuple[EmbeddedPostgres, SmallDisk, SmallDisk]]:
    """A Postgres with its data on one small disk and its log of writes on another."""
    user, place = server_user(), folder / "cramped"
    with ExitStack() as stack:
        data, wal = (stack.enter_context(mounted(folder / name, user, size)) for name, size in SIZES.items())
        server = choose_postgres(os.environ, DURABLE, ours=True).make(place)
        assert isinstance(server, EmbeddedPostgres), "its disks are filled up by means that a container does not offer"
        server.start()
        server.stop()
        data.run("cp", "-a", place / "postgres", data.path)
        wal.run("mv", data.path / "postgres/pg_wal", wal.path)
        wal.run("ln", "-s", wal.path / "pg_wal", data.path / "postgres/pg_wal")
        shutil.rmtree(place / "postgres")
        (place / "postgres").symlink_to(data.path / "postgres")
        server.start()
        yield server, data, wal
        server.stop()


@pytest.mark.timeout(300)
@pytest.mark.fault(
    "F28",
    "the disk of Postgres is full: that of its data, that of its log of writes",
    expects="503 and no 2xx for what is not stored; sends stop, and go on when there is room",
)
async def test_there_is_no_room_for_postgres(
    cramped: tuple[EmbeddedPostgres, SmallDisk, SmallDisk], amqp_url: str, tmp_path: Path, measured: Measured
) -> None:
    server, *disks = cramped
    url = await databases.create(server.url, "postroom")
    await migrate(url)
    async with installed(url, amqp_url, tmp_path) as installation:
        for task_id, disk in enumerate(disks, start=70):
            await post_task(installation.database, RECIPIENTS, number=task_id)
            async with calling(installation, f"room{task_id}") as caller:
                await caller.accepted()
                with disk.full():
                    if disk is disks[-1]:
                        await use_up_log(server.url)
                    async with asyncio.timeout(90):
                        while caller.answers[503] < 3:
                            await asyncio.sleep(0.02)
                    await installation.quiet()
                back = time.monotonic()
                if server.pid is None:  # it gives up where it cannot even recover
                    await start_again(server)
                await caller.accepted()
                measured.add(outages=1, api_again_seconds=time.monotonic() - back)
            await installation.completed(task_id)
            await account_for(installation, task_id, RECIPIENTS, measured)
            await caller.account_for(measured)
            assert set(caller.answers) <= {0, 201, 503}, caller.answers


async def use_up_log(url: str) -> None:
    """A segment of the log of writes after the other, until there is none: left alone it takes minutes."""
    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        connection = await asyncpg.connect(url)
        for _ in range(SEGMENTS):
            await connection.execute("SELECT pg_logical_emit_message(false, 'room', 'wanted')")
            await connection.execute("SELECT pg_switch_wal()")
        await connection.close()
