"""Full disks, and writes that fail: no message without a line in the journal, no 2xx for what is not stored."""

import asyncio
import random
import resource
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from services.dispatcher.sending.journal_records import Mark, decode
from services.standalone.private_process import User
from shared.domain.tokens import TokenKeys
from shared.object_store.opening import open_object_store
from tests.audience import post_task
from tests.faults.installation import SECRET, Installation, account_for, installed
from tests.faults.measured import Measured
from tests.faults.persistent_caller import calling
from tests.faults.processes import ServiceProcess
from tests.integration.dispatcher.dispatching import recorded
from tests.integration.jobs.hand_worked import add_job, tools_with
from tests.servers import databases
from tests.servers.small_disk import SmallDisk, mounted

RECIPIENTS: Final = 2_000
NO_SPACE: Final = "No space left on device"
MEGABYTE: Final = 1 << 20
#: What is kept on which, and how large it is.
DISKS: Final = {"journal": MEGABYTE, "objects": MEGABYTE, "logs": 4 * MEGABYTE}


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, SmallDisk]]:
    folder = tmp_path_factory.mktemp("disks")
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(mounted(folder / name, User.ourselves(), size)) for name, size in DISKS.items()
        }


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
    async with installed(url, amqp_url, disks["logs"].path, {"api": places, "dispatcher": places}) as installation:
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


async def logged(installation: Installation, words: str, service: str = "dispatcher") -> None:
    """Until it says so."""
    async with asyncio.timeout(60):
        while words not in installation.services[service].log.read_text(errors="replace"):
            await asyncio.sleep(0.05)


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F28",
    "the journal's disk is full in mid-batch",
    expects="no message is sent that is neither in the journal nor stored; the log says why; it goes on alone",
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
        unnoted = taken(installation, task_id) - noted(disk.path)
        # A journal on a full disk lets go of what is committed.
        stored = await recorded(installation.database, task_id)
        unnoted -= {(task_id, ordinal) for ordinals in stored.values() for ordinal in ordinals}
        assert not unnoted
        goes_on = len(taken(installation, task_id)) < RECIPIENTS
    back = time.monotonic()
    await installation.sent(int(goes_on))
    measured.add(outages=1, sent_unnoted=len(unnoted), sends_again_seconds=time.monotonic() - back)
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
        await add_job(tools_with(database, store), "export_list_data", {"list": "list 51", "lists": False, "vars": []})
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


@contextmanager
def limited(service: ServiceProcess, what: int, soft: int) -> Iterator[None]:
    """What the process may have, while the block lasts, as if it had been started so."""
    assert service.process is not None
    pid = service.process.pid
    usual = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (soft, usual[1]))
    yield
    if service.process.poll() is None:
        resource.prlimit(pid, what, usual)


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F28", "a service may open no further file (EMFILE)", expects="no 2xx for what is not stored; it goes on alone"
)
async def test_no_file_can_be_opened(installation: Installation, measured: Measured) -> None:
    """Of the API no connection is taken; the dispatcher gets none to the relay."""
    without_kept = aiohttp.TCPConnector(force_close=True)
    async with (
        aiohttp.ClientSession(connector=without_kept, timeout=aiohttp.ClientTimeout(5)) as session,
        calling(replace(installation, session=session), "files") as caller,
    ):
        await caller.accepted()
        with ExitStack() as stack:
            for name in ("api", "dispatcher"):
                stack.enter_context(limited(installation.services[name], resource.RLIMIT_NOFILE, 3))
            await post_task(installation.database, RECIPIENTS, number=52)
            for name in ("api", "dispatcher"):
                await logged(installation, "Too many open files", name)
        await caller.accepted(3)
    await installation.completed(52)
    await account_for(installation, 52, RECIPIENTS, measured)
    await caller.account_for(measured)
    measured.add(outages=1)
    assert set(caller.answers) <= {0, 201, 503}, caller.answers


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F28", "the API gets no more memory (ENOMEM)", expects="no 2xx for what is not stored; it goes on alone"
)
async def test_there_is_no_memory(installation: Installation, measured: Measured) -> None:
    api = installation.services["api"]
    assert api.process is not None
    pages = int(Path(f"/proc/{api.process.pid}/statm").read_text().split()[0])
    people = [{"email": f"reader{number}@example.com", "vars": {"text": "x" * 500}} for number in range(1_500)]
    path, headers = f"/list/{installation.list_id}/subscriber", {"Authorization": f"Bearer {installation.key}"}
    async with calling(installation, "memory") as caller:
        with limited(api, resource.RLIMIT_AS, pages * resource.getpagesize()):
            statuses = {await status_of(installation, path, people, headers) for _ in range(5)}
        if api.process.poll() is not None:
            api.start()  # as whoever runs it does
        await caller.accepted(3)
        assert await status_of(installation, path, people, headers) < 300
    await caller.account_for(measured)
    stored = await installation.database.fetch_value(
        "SELECT count(*) FROM subscription WHERE list_id = $1", installation.list_id
    )
    measured.add(outages=1, lost=len(people) - stored)
    assert statuses <= {0, 200, 201, 500, 503}
    assert statuses & {0, 500, 503}, "there was memory: the test shows nothing"
    assert stored == len(people)


async def status_of(installation: Installation, path: str, body: object, headers: dict[str, str]) -> int:
    """0: no answer, for as long as somebody waits for one."""
    try:
        url = installation.url("api") + path
        seconds = aiohttp.ClientTimeout(15)
        async with installation.session.post(url, json=body, headers=headers, timeout=seconds) as answer:
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return 0
