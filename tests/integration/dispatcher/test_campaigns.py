"""Campaigns that move on by themselves: to READY, to SENDING with a task a payload, to their end."""

import asyncio

import pytest

from services.dispatcher.campaigns import ready
from services.dispatcher.campaigns.move import move_campaigns
from services.dispatcher.planner.start_due import start_due_tasks
from shared.domain.identifiers import Instant
from shared.event_store.handle_command import Handler
from shared.postgres.database import Database
from shared.postgres.ids import Ids
from tests.campaigns import change, make_world, post_campaign, row_of

LATE = 4_000_000_000.0


@pytest.fixture(autouse=True)
async def world(database: Database) -> None:
    await make_world(database, 10)


async def move(database: Database, handler: Handler, *, dns_check: bool = False) -> int:
    return await move_campaigns(database, handler, Ids(database), dns_check=dns_check)


async def set_time(database: Database, seconds: float, number: int = 1) -> None:
    """So many seconds from now, by the clock of the database."""
    now = await database.fetch_value("SELECT extract(epoch FROM clock_timestamp())::float8")
    await change(database, number, when=Instant(now + seconds))


async def tasks_of(database: Database, number: int = 1) -> list[int]:
    return [row["id"] for row in await database.fetch("SELECT id FROM task WHERE campaign_id = $1 ORDER BY id", number)]


async def events_of(database: Database, stream: str) -> list[str]:
    rows = await database.fetch("SELECT type FROM event WHERE stream = $1 ORDER BY version", stream)
    return [row["type"] for row in rows]


async def test_at_its_time_it_makes_one_task_a_payload(database: Database, handler: Handler) -> None:
    """To its list, under its name, on behalf of whoever made it, and as many as can be written to now."""
    await database.execute("UPDATE subscriber SET telephone = NULL WHERE id = 3")
    await post_campaign(database)

    assert await move(database, handler) == 1

    tasks = await database.fetch(
        """SELECT channel, name, user_id, message_id, list_id, search_id, size, rate, in_doubt, segments, started
             FROM task WHERE campaign_id = 1 ORDER BY id"""
    )
    ours = {"name": "campaign 1", "user_id": 1, "list_id": 1, "search_id": None, "rate": None, "in_doubt": "resend"}
    rest = {**ours, "segments": [], "started": False}
    assert [dict(task) for task in tasks] == [
        {"channel": "email", "message_id": 1, "size": 10, **rest},
        {"channel": "sms", "message_id": 2, "size": 9, **rest},
    ]
    campaign = await row_of(database)
    assert (campaign["state"], campaign["tasks"]) == ("SENDING", await tasks_of(database))
    assert await start_due_tasks(database, handler) == 2, "they are due at once"


async def test_many_dispatchers_start_it_once(database: Database, handler: Handler) -> None:
    await post_campaign(database)

    await asyncio.gather(*(move(database, handler) for _ in range(8)))

    assert len(await tasks_of(database)) == 2
    assert (await events_of(database, "campaign-1"))[-1] == "campaign.started"
    for task_id in await tasks_of(database):
        assert await events_of(database, f"task-{task_id}") == ["task.created"]


async def test_a_minute_before_its_time_it_is_ready_and_not_before(database: Database, handler: Handler) -> None:
    """By the clock of the database; and it starts no sooner than its time."""
    await post_campaign(database, state="SCHEDULED", when=LATE)
    await set_time(database, 75)
    await move(database, handler)
    assert (await row_of(database))["state"] == "SCHEDULED"
    await set_time(database, 45)
    await move(database, handler)
    assert (await row_of(database))["state"] == "READY"
    await move(database, handler)
    assert (await row_of(database))["state"] == "READY"
    assert await tasks_of(database) == []


async def test_one_that_lacks_something_says_so_until_it_is_there(database: Database, handler: Handler) -> None:
    """It stays SCHEDULED, also beyond its time, and starts as soon as nothing is missing."""
    await post_campaign(database, state="SCHEDULED", domain_id=None)
    for _ in range(3):
        await move(database, handler)

    campaign = await row_of(database)
    assert (campaign["state"], campaign["error"]) == ("SCHEDULED", "domain: is not named")
    assert (await events_of(database, "campaign-1")).count("campaign.delayed") == 1
    await change(database, domain_id=1)
    await move(database, handler)
    campaign = await row_of(database)
    assert (campaign["state"], campaign["error"], len(campaign["tasks"])) == ("SENDING", None, 2)


async def test_one_that_lacks_something_stands_in_nobodys_way(
    database: Database, handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready, "PAGE", 2)
    for number in range(1, 8):
        await post_campaign(database, number=number, state="SCHEDULED", domain_id=None if number < 7 else 1)

    await move(database, handler)

    assert (await row_of(database, 7))["state"] == "SENDING"


async def test_one_that_was_pulled_back_stays(database: Database, handler: Handler) -> None:
    """Until the client moves it, or its time."""
    await post_campaign(database)
    await change(database, state="SCHEDULED")
    await move(database, handler)
    assert (await row_of(database))["state"] == "SCHEDULED"

    await change(database, when=Instant(1.0))
    await move(database, handler)
    assert (await row_of(database))["state"] == "SENDING"


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("UPDATE list SET account_id = 2", "list: there is no list 1"),
        ("UPDATE message SET account_id = 2 WHERE id = 2", "payloads: message 2 is gone"),
        ("UPDATE sending_domain SET removed = true", "domain: there is no domain 1"),
    ],
    ids=["its list", "a message", "its domain"],
)
async def test_it_ends_in_error_when_something_is_gone(
    database: Database, handler: Handler, statement: str, error: str
) -> None:
    """What was READY goes through SENDING, and makes no task."""
    await post_campaign(database)
    await database.execute(statement)

    await move(database, handler)

    campaign = await row_of(database)
    assert (campaign["state"], campaign["error"]) == ("ERROR", error)
    assert await tasks_of(database) == []
    assert (await events_of(database, "campaign-1"))[-2:] == ["campaign.started", "campaign.failed"]


async def test_bounces_come_to_a_domain_once_dns_shows_it(database: Database, handler: Handler) -> None:
    """Its MX record, and the key by which it is the account's; where DNS is asked at all."""
    await post_campaign(database, state="SCHEDULED")
    for found in ("{}", "{mx}", "{dkim-rsa,spf,dmarc}"):
        await database.execute(f"UPDATE sending_domain SET found = '{found}'")
        await move(database, handler, dns_check=True)
        campaign = await row_of(database)
        assert (campaign["state"], campaign["error"]) == (
            "SCHEDULED", "domain: domain 1 takes no bounces, or DNS does not show it",
        )  # fmt: skip
    await database.execute("UPDATE sending_domain SET found = '{dkim-rsa,mx}'")
    await move(database, handler, dns_check=True)
    assert (await row_of(database))["state"] == "SENDING"
