"""What is read of a sent task: why size and audience differ, and contact records of many in the memory of few."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.api.resources.task.write_contacts import MEDIA
from services.dispatcher.planner.freeze_audience import freeze_one_audience
from services.dispatcher.planner.start_due import start_due_tasks
from shared.event_store.handle_command import Handler
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime import clock
from tests.integration.api.conftest import NOW_DUE, Client, Ready
from tests.integration.tracker.running_projectors import project_all
from tests.sent_task import make_sent

FEW, MANY = 5_000, 120_000
MOST_GROWTH = 1.25  #: of all the memory of this process, which is server and client


async def test_the_report_says_reason_by_reason_why_the_audience_is_not_the_size(
    client: Client, ready: Ready, store: PostgresEventStore, database: Database
) -> None:
    """Of ten counted one unsubscribed, one opted out, two were suppressed before it started; five joined."""
    path = f"/list/{ready.list_id}/subscriber"
    people = [{"email": f"more{number}@example.com"} for number in range(7)]
    ids = (await client.post(path, people)).json["ids"]
    task = (await client.post("/task", ready.task(scheduledtime=NOW_DUE))).json
    before = (await client.get(f"/task/{task['id']}/report")).json
    await database.execute("UPDATE subscription SET ended_at = clock_timestamp() WHERE subscriber_id = $1", ids[0])
    await database.execute("UPDATE subscriber SET optout = 'all' WHERE id = $1", ids[1])
    await client.post(
        "/suppression", [{"email": f"more{number}@example.com", "reason": "hard_bounce"} for number in (2, 3)]
    )
    await client.post(path, [{"email": f"new{number}@example.com"} for number in range(5)])
    handler = Handler(store, clock.now)
    assert await start_due_tasks(database, handler) == 1
    while await freeze_one_audience(database, handler, 1):
        pass
    report = (await client.get(f"/task/{task['id']}/report")).json

    assert (before["size"], before["audience"], before["joined"]) == (10, 0, None)
    assert report["excluded"] == {"unsubscribed": 1, "opted_out": 1, "suppressed": 2}
    assert (report["size"], report["joined"], report["audience"]) == (10, 5, 11)
    assert report["audience"] == report["size"] + report["joined"] - sum(report["excluded"].values())
    assert sum(report["states"].values()) == 11
    assert (await client.get(f"/task/{task['id']}/contact")).headers["X-Total-Count"] == "11"


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    owner = await Database.connect(database_url, role=None, connections=1)
    yield owner
    await owner.close()


async def test_contact_records_of_many_take_the_memory_of_few(
    client: Client, ready: Ready, database: Database, owner: Database
) -> None:
    """In each form, whole, and each recipient once. With a million: `python -m bench --only million-recipients`."""
    tasks = {}
    for count in (FEW, MANY):
        tasks[count] = (await client.post("/task", ready.task())).json["id"]
        await make_sent(database, owner, tasks[count], count)
    await project_all(database)
    peaks: dict[int, list[float]] = {FEW: [], MANY: []}
    for media in MEDIA:
        for count, task_id in tasks.items():
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
            assert await count_recipients(client, task_id, media) == count
            peaks[count].append(peak_megabytes(os.getpid()))

    assert max(peaks[MANY]) < MOST_GROWTH * max(peaks[FEW]), peaks


async def count_recipients(client: Client, task_id: int, media: str) -> int:
    """By their addresses; nothing is kept of what was read."""
    headers = {"Authorization": f"Bearer {client.key}", "Accept": media}
    found, rest = 0, b""
    async with client.session.get(f"{client.url}/task/{task_id}/contact", headers=headers) as answer:
        assert answer.headers["Content-Type"].partition(";")[0] == media
        async for piece in answer.content.iter_any():
            found += (rest + piece).count(b"@example.com")
            rest = (rest + piece)[-len(b"@example.com") + 1 :]
    return found


def peak_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM:"))
