"""A dispatcher dies at each place of jobs, of what they tell, of single messages and of a campaign's start."""

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from services.api.keys import create_key
from shared.domain.refusal import Refused
from shared.event_store.on_postgres import PostgresEventStore
from shared.notices.record import notice_row
from shared.object_store.in_folder import InFolder
from shared.postgres.database import Database
from shared.sealing import NONCE_SIZE, job_key_context, seal
from tests.campaigns import make_world, post_campaign
from tests.faults.auditing import audit, tell
from tests.faults.measured import Measured
from tests.faults.test_kill_while_noticing import notice
from tests.faults.world import SECRET, world_on
from tests.integration.jobs.hand_worked import add_job, tools_with
from tests.sinks.receiver import Receiver

JOBS: Final = ("job.claimed", "job.in_chunk", "job.ending", "postback.answered")
NOTICES: Final = ("notice.begun", "sender.dot_due", "sender.dot_journalled", "smtp.dot_out", "notice.answered")
CAMPAIGNS: Final = ("campaign.planned", "events.appending", "events.appended")
LINES, SECONDS = 50, 60.0
_WANTS_POSTBACK = "UPDATE job_work SET postback_url = $2, sealed_key = $3 WHERE id = $1"
_COUNTS = """
SELECT (SELECT count(*) FROM subscription) AS subscriptions,
       (SELECT count(*) FROM event WHERE type = 'job.completed') AS ends,
       (SELECT count(*) FROM job WHERE status = 'completed') AS completed,
       (SELECT count(*) FROM postback WHERE state = 'delivered') AS told"""


async def post_import(database: Database, folder: Path, url: str) -> int:
    """A few lines of new people, and somebody who wants to know."""
    tools = tools_with(database, InFolder(folder))
    job = await add_job(tools, "import", {"list": "Main"})
    await database.execute(
        "INSERT INTO job_input (job_id, piece, first_line, data) VALUES ($1, 0, 1, $2)",
        job,
        b"".join(b"p%d-%d@example.com\n" % (job, line) for line in range(LINES)),
    )
    await database.execute(_WANTS_POSTBACK, job, url, seal([SECRET], job_key_context(job), b"key", bytes(NONCE_SIZE)))
    return job


@pytest.mark.timeout(120)
@pytest.mark.fault("F2", "kill -9 of a dispatcher at each place of a job", expects="each line done once, one end, told")
async def test_each_job_is_done_once_wherever_it_died(
    database_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """One import for each kill; whoever wants to know of its end is told, with the same words each time."""
    async with world_on(database_url, tmp_path) as world, Receiver() as receiver:
        store = PostgresEventStore(world.database)
        made = await create_key(world.database, store, (SECRET,), "acme", "ann", "admin", "test")
        assert not isinstance(made, Refused)
        places = [place for _ in range(rounds) for place in dice.sample(JOBS, len(JOBS))]
        for place in places:
            await post_import(world.database, tmp_path / "objects", receiver.url)
            await world.strike("dispatcher", place)
        world.service("dispatcher").start()
        async with asyncio.timeout(SECONDS):
            while (counts := dict((await world.database.fetch(_COUNTS))[0]))["told"] < len(places):
                await asyncio.sleep(0.02)

    measured.add(kills=len(places), lost=LINES * len(places) - counts["subscriptions"], rounds=rounds)
    measured.add(ends_too_many=counts["ends"] - len(places), postbacks_repeated=len(receiver.requests) - len(places))
    assert counts == {
        "subscriptions": LINES * len(places),
        "ends": len(places),
        "completed": len(places),
        "told": len(places),
    }
    assert len({request.body for request in receiver.requests}) == len(places), "a repeat says something else"


@pytest.mark.timeout(120)
@pytest.mark.fault("F2", "kill -9 of a dispatcher at each place of a single message", expects="sent once, or in doubt")
async def test_each_notice_is_sent_once_or_in_doubt_wherever_it_died(
    database_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """A notice is never sent twice: what stood between its dot and its reply is in doubt, and stays so."""
    async with world_on(database_url, tmp_path) as world:
        places = [place for _ in range(rounds) for place in dice.sample(NOTICES, len(NOTICES))]
        for number, place in enumerate(places):
            row = notice_row(notice(f"n{number}"))
            await world.database.execute(row.statement, *row.args)
            await world.strike("dispatcher", place)
        world.service("dispatcher").start()
        async with asyncio.timeout(SECONDS):
            while await world.database.fetch_value("SELECT count(*) FROM notice WHERE state = 'waiting'"):
                await asyncio.sleep(0.02)
        rows = await world.database.fetch("SELECT origin, state FROM notice")

    states = {row["origin"]: row["state"] for row in rows}
    copies = Counter({message.decode(): count for message, count in world.relay.taken.items()})
    unsent = [name for name, state in states.items() if state == "accepted" and not copies[f"{name}@x.example"]]
    doubled = [name for name, count in copies.items() if count > 1]
    in_doubt = list(states.values()).count("in_doubt")
    measured.add(kills=len(places), lost=len(unsent), doubled=len(doubled), listed=in_doubt, rounds=rounds)
    assert (unsent, doubled) == ([], [])
    assert set(states.values()) <= {"accepted", "in_doubt"}
    assert 0 < in_doubt < len(places), "who was not past his dot is sent to"


@pytest.mark.timeout(60)
@pytest.mark.fault(
    "F2", "kill -9 of a dispatcher that starts a campaign", expects="its tasks are there once, or not yet"
)
async def test_a_campaign_starts_once_wherever_it_died(
    database_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """With numbers taken and nothing written, with events written and not committed, and committed."""
    async with world_on(database_url, tmp_path) as world:
        await make_world(world.database, 3)
        places = [place for _ in range(rounds) for place in CAMPAIGNS]
        for number, place in enumerate(places, start=1):
            await post_campaign(world.database, number=number, channels=("email",))
            await world.strike("dispatcher", place)
        world.service("dispatcher").start()
        async with asyncio.timeout(SECONDS):
            while await world.database.fetch_value("SELECT count(*) FROM campaign WHERE state = 'READY'"):
                await asyncio.sleep(0.02)
        findings = await audit(world.database)
        rows = await world.database.fetch("SELECT campaign_id, count(*) AS tasks FROM task GROUP BY 1")

    measured.add(kills=len(places), lost=len(places) - len(rows), rounds=rounds)
    measured.add(doubled=sum(row["tasks"] - 1 for row in rows))
    assert not findings, tell(findings)
    assert {row["campaign_id"]: row["tasks"] for row in rows} == dict.fromkeys(range(1, len(places) + 1), 1)
