"""What cannot be understood or done lies in every queue: it is put aside with its reason, and all the rest goes on."""

import asyncio
import random
from pathlib import Path
from typing import Final

import pytest

from services.dispatcher.jobs.held_job import HeldJob
from services.dispatcher.jobs.registry import WORK
from services.dispatcher.jobs.work import JobTools, Outcome
from services.dispatcher.jobs.worker import MOST_FAILURES, WORKERS, Worker
from shared.bus.hint_codec import encode_hint
from shared.bus.in_process import InProcess
from shared.bus.interface import Hint, Role
from shared.object_store.in_folder import InFolder
from shared.postgres.database import Database, Unavailable
from shared.runtime.clock import monotonic
from shared.runtime.lifecycle import Wakeup, run_loop
from tests.audience import post_task
from tests.contract.rabbitmq_rig import RabbitRig
from tests.faults.auditing import audit, deliveries_of, tell
from tests.faults.counting_relay import CountingRelay
from tests.faults.measured import Measured
from tests.integration.jobs.hand_worked import add_job, tools_with
from tests.integration.watching.whole import whole_on

#: What is no hint, and why it is not.
POISON: Final = {
    b"\xff{": "not JSON",
    b'{"topic":"moon","key":1,"extra":[]}': "unknown topic",
    b'{"topic":"task_due","key":1,"extra":[],"version":2}': "not an object of topic, key and extra",
    b'{"topic":"task_due","key":-1,"extra":[]}': "key is no number from 0 to 2**63 - 1",
    b"0" * 10_000_000: "10000000 bytes, more than the 512 of a hint",
}
#: Hints that can be read: of a task that there is not, and of a shard that there is not.
NOBODYS: Final = (encode_hint(Hint("task_due", 2**62)), encode_hint(Hint("segments_appended", 2**40)))
LISTENING: Final[tuple[Role, ...]] = ("dispatcher", "tracker")
RECIPIENTS, HINTS, SECONDS = 200, 1_000, 60.0


async def poison(rig: RabbitRig, dice: random.Random) -> int:
    """Into each queue, among a thousand hints that are in order. Answers how much will be parked."""
    for role in LISTENING:
        bodies = [*POISON, *NOBODYS, *(encode_hint(Hint("batches_ready", key)) for key in range(HINTS))]
        dice.shuffle(bodies)
        for body in bodies:
            await rig.put_raw(role, body)
    return len(LISTENING) * len(POISON)


async def seconds_to_send(database: Database, number: int) -> float:
    """A task from its posting to its completion."""
    began = monotonic()
    await post_task(database, RECIPIENTS, number=number)
    async with asyncio.timeout(SECONDS):
        while not await database.fetch_value("SELECT completed FROM task WHERE id = $1", number):
            await asyncio.sleep(0.01)
    return monotonic() - began


@pytest.mark.timeout(120)
@pytest.mark.fault(
    "F18", "poison in the queues of dispatchers and trackers", expects="parked with its reason, nobody waits"
)
async def test_poison_is_parked_and_the_queues_flow(
    database_url: str,
    amqp_url: str,
    amqp_prefix: str,
    tmp_path: Path,
    dice: random.Random,
    rounds: int,
    measured: Measured,
) -> None:
    """On a real broker: a task is sent beside a thousand hints, some of them poison, as it is without."""
    database, parked = await Database.connect(database_url), 0
    async with RabbitRig(amqp_url, amqp_prefix) as rig, CountingRelay() as relay:
        port = int(relay.url.split(":")[2].split("?")[0])
        async with whole_on(database, rig.bus, tmp_path / "journal", port):
            clean = await seconds_to_send(database, 1)
            for number in range(2, rounds + 2):
                parked += await poison(rig, dice)
                poisoned = await seconds_to_send(database, number)
                measured.add(clean_seconds=clean, poisoned_seconds=poisoned)
            reasons = list[str]()
            async with asyncio.timeout(SECONDS):
                while len(reasons) < parked:
                    reasons += await rig.reasons()
                    await asyncio.sleep(0.05)
        findings = await audit(database, deliveries=deliveries_of(relay))
    await database.close()

    sent = RECIPIENTS * (rounds + 1)
    measured.add(poisons=parked, parked=len(reasons), rounds=rounds)
    measured.add(lost=sent - len(relay.taken), doubled=relay.taken.total() - len(relay.taken))
    assert sorted(reasons) == sorted(reason for reason in POISON.values() for _ in range(len(LISTENING) * rounds))
    assert not findings, tell(findings)


@pytest.mark.timeout(60)
@pytest.mark.fault(
    "F18", "a job that nobody can do, among others", expects="given up after five tries, the others done"
)
async def test_a_job_that_cannot_be_done_stops_no_other(database_url: str, tmp_path: Path, measured: Measured) -> None:
    """Its parameters are none: it raises whenever it is tried, and ends in error."""
    database, owner = await Database.connect(database_url), await Database.connect(database_url, role=None)
    tools = tools_with(database, InFolder(tmp_path / "objects"))
    async with CountingRelay() as relay:
        port = int(relay.url.split(":")[2].split("?")[0])
        bad = await add_job(tools, "import", {})
        good = [await add_job(tools, "import", {"list": f"list {number}"}) for number in range(5)]
        bus = InProcess()
        async with whole_on(database, bus, tmp_path / "journal", port):
            await ended(database, owner, good)
            still = await database.fetch_value("SELECT status FROM job WHERE id = $1", bad)
            await ended(database, owner, [bad])
        await bus.close()
    rows = await database.fetch("SELECT job.id, status, failures FROM job JOIN job_work USING (id)")
    await database.close()
    await owner.close()

    found = {row["id"]: row["status"] for row in rows}
    measured.add(poisons=1, lost=sum(found[number] != "completed" for number in good), parked=1)
    assert still == "pending", "the others have waited for it"
    assert found == {bad: "error", **dict.fromkeys(good, "completed")}


@pytest.mark.timeout(60)
@pytest.mark.fault(
    "F18", "jobs that hang, one for each worker, among others", expects="given up after five tries, the others done"
)
async def test_jobs_that_hang_stop_no_other(database_url: str, tmp_path: Path, measured: Measured) -> None:
    """A chunk that does not end in time has failed: both workers get free, and in the end such a job ends in error."""
    database, owner = await Database.connect(database_url), await Database.connect(database_url, role=None)
    tools, stop, tries = tools_with(database, InFolder(tmp_path / "objects")), asyncio.Event(), list[int]()

    async def hang(_: JobTools, job: HeldJob) -> Outcome | None:
        tries.append(job.number)
        await asyncio.Event().wait()
        return None

    bad = [await add_job(tools, "update", {}) for _ in range(WORKERS)]
    good = [await add_job(tools, "import", {"list": f"list {number}"}) for number in range(5)]
    workers = [Worker(tools, {**WORK, "update": hang}, stop, chunk_seconds=0.1) for _ in range(WORKERS)]
    loops = [run_loop("jobs", worker.step, Wakeup(), stop, 0.05, (Unavailable,)) for worker in workers]
    async with asyncio.TaskGroup() as group:
        for loop in loops:
            group.create_task(loop)
        await ended(database, owner, good)
        for job in bad:
            await ended(database, owner, [job])
        stop.set()
    found = {row["id"]: row["status"] for row in await database.fetch("SELECT id, status FROM job")}
    await database.close()
    await owner.close()

    measured.add(poisons=len(bad), lost=sum(found[number] != "completed" for number in good), parked=len(bad))
    assert found == {**dict.fromkeys(bad, "error"), **dict.fromkeys(good, "completed")}
    assert sorted(tries) == sorted(bad * MOST_FAILURES)


async def ended(database: Database, owner: Database, jobs: list[int]) -> None:
    """As if the pauses between its tries were over at once."""
    async with asyncio.timeout(SECONDS):
        while await database.fetch_value("SELECT count(*) FROM job WHERE id = ANY ($1) AND status = 'pending'", jobs):
            if len(jobs) == 1:
                await owner.execute("UPDATE job_work SET due_at = clock_timestamp() WHERE id = $1", jobs[0])
            await asyncio.sleep(0.05)
