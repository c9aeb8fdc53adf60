"""Full disks, and writes that fail: no message without a line in the journal, no 2xx for what is not stored."""

import asyncio
import os
import random
import resource
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from services.dispatcher.sending.journal_records import Mark, decode
from services.standalone.embedded_postgres import EmbeddedPostgres
from services.standalone.private_process import User, server_user
from shared.domain.tokens import TokenKeys
from shared.object_store.opening import open_object_store
from shared.postgres.migrate import migrate
from tests.audience import post_task
from tests.faults.installation import SECRET, Installation, account_for, installed
from tests.faults.measured import Measured
from tests.faults.persistent_caller import calling
from tests.faults.start_again import start_again
from tests.integration.jobs.hand_worked import add_job, tools_with
from tests.servers import databases
from tests.servers.postgres import DURABLE, choose_postgres
from tests.servers.small_disk import SmallDisk

RECIPIENTS: Final = 2_000
NO_SPACE: Final = "No space left on device"
MEGABYTE: Final = 1 << 20
#: Of our own: what is kept on it, and how large it is. Postgres begins with some 60 MB.
DISKS: Final = {"journal": MEGABYTE, "objects": MEGABYTE, "logs": 4 * MEGABYTE}
CLUSTER, WAL = 128 * MEGABYTE, 64 * MEGABYTE


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Whoever runs Postgres can reach it."""
    with tempfile.TemporaryDirectory(prefix="postroom-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def disks(folder: Path) -> Iterator[dict[str, SmallDisk]]:
    with ExitStack() as stack:
        yield {name: _disk(stack, folder / name, User.ourselves(), size) for name, size in DISKS.items()}


def _disk(stack: ExitStack, folder: Path, user: User, size: int) -> SmallDisk:
    folder.mkdir()
    if user.drops:
        os.chown(folder, user.uid, user.gid)
    disk = SmallDisk(folder, user, size)
    stack.callback(disk.close)
    return disk


@pytest.fixture(scope="module")
async def installation(
    disks: dict[str, SmallDisk], postgres_url: str, template_database: str, amqp_url: str
) -> AsyncIterator[Installation]:
    """One for all tests of this file but those of Postgres' own disks."""
    name = f"{template_database}_room"
    url = await databases.create(postgres_url, name, template=template_database)
    places = {
        "POSTROOM_JOURNAL_DIR": str(disks["journal"].path),
        "POSTROOM_OBJECT_STORE_URL": f"file://{disks['objects'].path}",
    }
    async with installed(url, amqp_url, Path("/tmp/infra_logs"), {"api": places, "dispatcher": places}) as installation:
        yield installation
    await databases.drop(postgres_url, name)


def noted(folder: Path) -> set[tuple[int, int]]:
    """Task and ordinal of each dot that the journals in a folder tell of."""
    journals = [path.read_bytes() for path in folder.iterdir() if path.is_file()]
    records = (record for journal in journals for record in decode(journal))
    return {(record.task_id, record.ordinal) for record in records if record.mark is Mark.DOT}


def taken(installation: Installation, task_id: int) -> set[tuple[int, int]]:
    keys = TokenKeys([SECRET])
    tokens = [keys.read_web(name.split(b"@")[0].decode()) for name in installation.relay.taken]
    return {(token.task, token.ordinal) for token in tokens if token is not None and token.task == task_id}


async def logged(installation: Installation, words: str) -> None:
    """Until the dispatcher says so."""
    async with asyncio.timeout(60):
        while words not in installation.services["dispatcher"].log.read_text(errors="replace"):
            await asyncio.sleep(0.05)


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F28",
    "the journal's disk is full in mid-batch",
    expects="no message is sent that is not in the journal; the log says why; it goes on alone",
)
async def test_there_is_no_room_for_the_journal(
    installation: Installation, disks: dict[str, SmallDisk], dice: random.Random, rounds: int, measured: Measured
) -> None:
    for task_id in range(100, 100 + rounds):
        await post_task(installation.database, RECIPIENTS, number=task_id)
        await _filled_up(installation, disks["journal"], task_id, dice, measured)
    measured.add(rounds=rounds)


async def _filled_up(
    installation: Installation, disk: SmallDisk, task_id: int, dice: random.Random, measured: Measured
) -> None:
    await installation.sent(dice.randint(1, RECIPIENTS // 2))
    with disk.full():
        await logged(installation, NO_SPACE)
        await installation.quiet()
        unnoted = len(taken(installation, task_id) - noted(disk.path))
        assert not unnoted
    back = time.monotonic()
    await installation.sent(1)
    measured.add(outages=1, sent_unnoted=unnoted, sends_again_seconds=time.monotonic() - back)
    await installation.completed(task_id)
    await account_for(installation, task_id, RECIPIENTS, measured)


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F28", "the disk of the logs is full", expects="messages are sent and requests answered as if it were not"
)
async def test_there_is_no_room_for_logs(
    installation: Installation, disks: dict[str, SmallDisk], measured: Measured
) -> None:
    with disks["logs"].full():
        await post_task(installation.database, RECIPIENTS, number=50)
        async with calling(installation, "logs") as caller:
            await caller.accepted(50)
            await installation.completed(50)
    await account_for(installation, 50, RECIPIENTS, measured)
    await caller.account_for(measured)
    measured.add(outages=1)
    assert set(caller.answers) == {201}


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F28", "the disk of exported files is full", expects="no half of a file is served; the job waits and ends well"
)
async def test_there_is_no_room_for_an_export(
    installation: Installation, disks: dict[str, SmallDisk], measured: Measured
) -> None:
    database, store = installation.database, open_object_store(f"file://{disks['objects'].path}")
    await post_task(database, RECIPIENTS, number=51)
    with disks["objects"].full():
        await add_job(tools_with(database, store), "export_list_data", {"list": "list 51"})
        await logged(installation, f"the folder of files: {NO_SPACE}")
        assert not await database.fetch_value("SELECT count(*) FROM export_file WHERE expires_at IS NOT NULL")
    async with asyncio.timeout(90):
        while not (key := await database.fetch_value("SELECT key FROM export_file WHERE expires_at IS NOT NULL")):
            await asyncio.sleep(0.1)
    async with store.open(key) as file:
        lines = b"".join([piece async for piece in file.pieces]).splitlines()
    await store.close()
    measured.add(outages=1, lost=RECIPIENTS - len(set(lines[1:])), doubled=len(lines) - 1 - len(set(lines[1:])))
    assert len(lines) == len(set(lines)) == RECIPIENTS + 1
    await installation.completed(51)


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F29",
    "writing the journal fails, and the dispatcher is killed while it does",
    expects="nothing more is sent; who was past his dot is in doubt and listed",
)
async def test_the_journal_cannot_be_written(
    installation: Installation, disks: dict[str, SmallDisk], dice: random.Random, rounds: int, measured: Measured
) -> None:
    """By the limit that a process may be given for its files: write() fails, as it does on a broken disk."""
    dispatcher = installation.services["dispatcher"]
    for task_id in range(60, 60 + rounds):
        await post_task(installation.database, RECIPIENTS, number=task_id)
        await installation.sent(dice.randint(1, RECIPIENTS // 2))
        assert dispatcher.process is not None
        resource.prlimit(dispatcher.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        await installation.quiet()
        unnoted = len(taken(installation, task_id) - noted(disks["journal"].path))
        measured.add(kills=1, sent_unnoted=unnoted)
        assert not unnoted
        dispatcher.kill()
        dispatcher.start()
        await installation.completed(task_id)
        await account_for(installation, task_id, RECIPIENTS, measured)
    measured.add(rounds=rounds)


@pytest.fixture
async def cramped(folder: Path) -> AsyncIterator[tuple[EmbeddedPostgres, SmallDisk, SmallDisk]]:
    """A Postgres with its data on one small disk and its log of writes on another."""
    user, place = server_user(), folder / "cramped"
    with ExitStack() as stack:
        data, wal = _disk(stack, folder / "data", user, CLUSTER), _disk(stack, folder / "wal", user, WAL)
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
