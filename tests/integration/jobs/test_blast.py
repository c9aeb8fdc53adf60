"""``blast_query``, ``blast_snapshot``, ``blast_save_list``: the recipients of a campaign."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from services.tracker.app import start_tracker
from shared.bus.in_process import InProcess
from shared.delivery_log.append import DeliveryLog
from shared.domain.delivery import Kind
from tests.integration.jobs.caller import Caller
from tests.integration.jobs.conftest import World
from tests.integration.jobs.known_campaign import LINKS, KnownCampaign, known_campaign
from tests.integration.jobs.test_export_list import exported, md5

NOON = 1_780_000_000.0
MINUTE = 60.0
EMAILS = ("ann@example.com", "Ben@Other.example", "cy@example.com", "dee@example.com")


def at(minutes: float) -> float:
    return NOON + minutes * MINUTE


@pytest.fixture(scope="module", autouse=True)
async def tracker(world: World) -> AsyncIterator[None]:
    settings = replace(world.settings, tracker_port=0, bounce_port=0)
    bus = InProcess()
    tracker = await start_tracker(settings, world.database, world.store, DeliveryLog(world.database), bus)
    yield
    await tracker.stop()
    await bus.close()


@pytest.fixture
async def campaign(caller: Caller) -> tuple[KnownCampaign, int]:
    """Mail to four: ann opened and clicked, ben opened, cy bounced, dee did nothing yet. And an SMS to ann."""
    campaign, people = await known_campaign(caller, *EMAILS)
    mail = await campaign.send("email", people)
    text = await campaign.send("sms", [(people[0][0], "+447700900001")])
    await campaign.did(mail, *((Kind.SUBMITTED, ordinal, at(ordinal), 0) for ordinal in range(3)))
    await campaign.did(
        mail,
        (Kind.OPENED, 0, at(20), 0),
        (Kind.OPENED, 0, at(10), 0),
        (Kind.OPENED, 1, at(12), 0),
        (Kind.CLICKED, 0, at(30), 1),
        (Kind.CLICKED, 0, at(25), 3),
        (Kind.CLICKED, 0, at(26), 2),
        (Kind.BOUNCED, 2, at(5), 0),
    )
    await campaign.did(text, (Kind.SUBMITTED, 0, at(1), 0))
    await campaign.projected(mail, submitted=3, opened=2, clicked=1, bounced=1)
    await campaign.projected(text, submitted=1)
    return campaign, mail


async def test_every_recipient_is_a_line_with_its_times(caller: Caller, campaign: tuple[KnownCampaign, int]) -> None:
    """The first of each; clicks in the order of time, links as they were written, a formula among them shown."""
    blast_id = campaign[0].campaign_id
    told = await caller.done(job="blast_query", blast_id=blast_id)
    rows = await exported(caller, job="blast_query", blast_id=blast_id)

    assert (told["blast_id"], told["filename"], told["rows"]) == (blast_id, f"blast_{blast_id}.csv", 5)
    assert list(rows[0]) == [
        "Profile Id",
        "Email Hash",
        "Send Time",
        "Open Time",
        "Click Time",
        "First Ten Clicks",
        "First Ten Clicks Time",
    ]
    assert [row["Email Hash"] for row in rows] == [*(md5(email.lower()) for email in EMAILS), ""]
    ann, ben, _, dee, text = rows
    assert ann["Send Time"] == "Thu, 28 May 2026 20:26:40 +0000"
    assert (ann["Open Time"], ann["Click Time"]) == (
        "Thu, 28 May 2026 20:36:40 +0000",
        "Thu, 28 May 2026 20:51:40 +0000",
    )
    assert ann["First Ten Clicks"] == "'" + " ".join((LINKS[2], LINKS[1], LINKS[0]))
    assert ann["First Ten Clicks Time"].split("|") == [
        "Thu, 28 May 2026 20:51:40 +0000",
        "Thu, 28 May 2026 20:52:40 +0000",
        "Thu, 28 May 2026 20:56:40 +0000",
    ]
    assert (ben["Open Time"], ben["Click Time"], ben["First Ten Clicks"]) == ("Thu, 28 May 2026 20:38:40 +0000", "", "")
    assert (dee["Send Time"], dee["Open Time"]) == ("", "")
    assert (text["Profile Id"], text["Send Time"]) == (ann["Profile Id"], "Thu, 28 May 2026 20:27:40 +0000")


async def test_of_many_clicks_the_first_ten_are_told(caller: Caller) -> None:
    """However many there are, and in whatever order they came in."""
    campaign, people = await known_campaign(caller, "ann@example.com")
    task = await campaign.send("email", people)
    await campaign.did(task, *((Kind.CLICKED, 0, at(100 - n), 1 + n % 2) for n in range(60)))
    await campaign.did(task, *((Kind.CLICKED, 0, at(200 - n), 1) for n in range(60)))

    [row] = await exported(caller, job="blast_query", blast_id=campaign.campaign_id)

    assert row["First Ten Clicks"].split() == [LINKS[n % 2] for n in range(59, 49, -1)]
    assert len(row["First Ten Clicks Time"].split("|")) == 10


async def test_nobody_whose_address_was_erased_has_a_hash(caller: Caller) -> None:
    campaign, people = await known_campaign(caller, "ann@example.com")
    task = await campaign.send("email", people)
    await caller.database.execute("UPDATE contact_record SET address = '' WHERE task_id = $1", task)

    [row] = await exported(caller, job="blast_query", blast_id=campaign.campaign_id)

    assert row["Email Hash"] == ""


async def test_a_snapshot_of_a_campaign_is_of_its_recipients(
    caller: Caller, campaign: tuple[KnownCampaign, int]
) -> None:
    """People once each, messages by the sets; others of the account do not count."""
    await caller.done(job="import", list="Main", emails="stranger@example.com")
    told = await caller.done(job="blast_snapshot", blast_id=campaign[0].campaign_id, query={})
    stats = told["stats"]

    assert told["blast_id"] == campaign[0].campaign_id
    assert (stats["total"], stats["domains"]) == (4, {"example.com": 3, "other.example": 1})
    assert stats["messages"] == {
        "recipients": 5,
        "submitted": 4,
        "delivered": 0,
        "bounced": 1,
        "opened": 2,
        "clicked": 1,
        "unsubscribed": 0,
        "complained": 0,
    }


async def test_a_snapshot_of_a_campaign_asks_its_query_too(caller: Caller, campaign: tuple[KnownCampaign, int]) -> None:
    query = {"criteria": ["domain"], "value": ["example.com"], "query_mode": "and"}
    told = await caller.done(job="blast_snapshot", blast_id=campaign[0].campaign_id, query=query)

    assert told["query"]["criteria"] == ["domain"]
    assert (told["stats"]["total"], told["stats"]["domains"]) == (3, {"example.com": 3})
    messages = told["stats"]["messages"]
    assert (messages["recipients"], messages["opened"], messages["bounced"]) == (4, 1, 1)


async def test_those_whom_a_query_finds_are_saved_to_a_list(
    caller: Caller, campaign: tuple[KnownCampaign, int]
) -> None:
    """Of its recipients, each once, onto a list that is made; again, it adds nobody."""
    await caller.done(job="import", list="Main", emails="stranger@example.com")
    given: dict[str, Any] = {
        "blast_id": campaign[0].campaign_id,
        "list": "Saved",
        "query": {"criteria": ["domain"], "value": ["example.com"]},
    }
    told = await caller.done(job="blast_save_list", **given)
    again = await caller.done(job="blast_save_list", **given)

    assert await caller.emails("Saved") == ["ann@example.com", "cy@example.com", "dee@example.com"]
    assert (told["list"], told["added"], told["rows"]) == ("Saved", 3, 5)
    assert again["added"] == 0


async def test_saving_to_a_list_lifts_nothing(caller: Caller, campaign: tuple[KnownCampaign, int]) -> None:
    """Whoever has left it stays away; whoever opted out stays opted out."""
    await caller.done(job="import", list="Saved", emails="ann@example.com,dee@example.com")
    await caller.database.execute(
        "UPDATE subscription SET ended_at = now() WHERE list_id = $1 AND subscriber_id ="
        " (SELECT subscriber_id FROM subscription JOIN subscriber ON subscriber.id = subscriber_id"
        " WHERE list_id = $1 AND email = 'ann@example.com')",
        await caller.list_id("Saved"),
    )
    await caller.done(job="update", emails="cy@example.com", update={"optout": "all"})

    told = await caller.done(job="blast_save_list", blast_id=campaign[0].campaign_id, list="Saved", query={})

    assert await caller.emails("Saved") == ["Ben@Other.example", "cy@example.com", "dee@example.com"]
    assert told["added"] == 2
    cy = await caller.person("cy@example.com")
    assert cy is not None
    assert cy["optout"] == "all"


@pytest.mark.parametrize("job", ["blast_query", "blast_save_list", "blast_snapshot"])
async def test_a_campaign_that_is_not_there_is_refused(caller: Caller, job: str) -> None:
    """By its number; and what is missing by its name."""
    given: dict[str, Any] = {} if job == "blast_query" else {"query": {}}
    given |= {"list": "x"} if job == "blast_save_list" else {}
    unknown = await caller.post(job=job, blast_id=999_999, **given)
    missing = await caller.post(job=job)

    assert unknown.error == (404, 13)
    assert missing.error == (400, 2)
    assert "blast_id" in missing.body["errormsg"]


async def test_a_criterion_that_is_unknown_is_refused_by_name(caller: Caller) -> None:
    posted = await caller.post(job="blast_snapshot", blast_id=1, query={"criteria": ["horoscope"], "value": ["x"]})

    assert posted.error == (400, 99)
    assert "horoscope" in posted.body["errormsg"]
