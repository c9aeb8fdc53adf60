"""The clients of PyPI and npm run every job call about files, counts and campaigns, each compared with known data."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.integration.api.conftest import EMAIL_MESSAGE
from tests.integration.jobs.caller import Caller
from tests.integration.jobs.clients import JobClient, client_of, poll
from tests.integration.jobs.known_campaign import KnownCampaign, known_campaign
from tests.integration.jobs.test_export_list import md5
from tests.integration.jobs.test_scheduled_sends import made

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

GMAIL = {"source_list": "Main", "query_mode": "and", "criteria": ["domain"], "value": ["gmail.com"]}
PEOPLE = ("a@example.com", "b@gmail.com", "c@gmail.com")


@pytest.fixture(params=["PyPI", "npm"])
async def client(request: pytest.FixtureRequest, caller: Caller) -> AsyncIterator[JobClient]:
    async with client_of(request.param, caller) as client:
        yield client


@pytest.fixture
async def campaign(caller: Caller) -> KnownCampaign:
    campaign, people = await known_campaign(caller, *PEOPLE)
    await campaign.send("email", people)
    return campaign


async def done(client: JobClient, **params: Any) -> dict[str, Any]:
    told = await poll(client, await client.post(**params))
    assert told["status"] == "completed", told
    return told


async def rows(told: dict[str, Any]) -> list[dict[str, str]]:
    """As a poller reads them: by the URL alone, through a reader of CSV."""
    async with aiohttp.ClientSession() as session, session.get(told["export_url"]) as response:
        assert response.content_type == "text/csv"
        return list(csv.DictReader(io.StringIO(await response.text(), newline="")))


async def test_every_export(client: JobClient, caller: Caller, campaign: KnownCampaign) -> None:
    message = await made(caller, "/message", **EMAIL_MESSAGE)
    task = {"channel": "email", "name": "Later", "list_id": campaign.list_id, "message_id": message["id"]}
    await made(caller, "/task", **task, scheduledtime=4_000_000_000)
    fields = {"lists": 1, "vars": {"x": 1}}

    people = await rows(await done(client, job="export_list_data", list="Main", fields=fields))
    sent = await rows(await done(client, job="blast_query", blast_id=campaign.campaign_id))
    waiting = await rows(await done(client, job="export_scheduled_sends"))

    assert sorted(row["Email Hash"] for row in people) == sorted(map(md5, PEOPLE))
    assert [row["Lists"] for row in people] == ["Main"] * 3
    assert list(people[0])[-1] == "x"
    assert [row["Email Hash"] for row in sent] == [md5(email) for email in PEOPLE]
    assert [(row["Name"], row["List"], row["Size"]) for row in waiting] == [("Later", "Main", "3")]


async def test_every_count(client: JobClient, caller: Caller, campaign: KnownCampaign) -> None:
    booking = {"start_date": "20300301", "end_date": "20300301", "impressions_per_day": 4}
    await made(caller, "/adplan", name="A", **booking)

    people = await done(client, job="snapshot", query=GMAIL)
    recipients = await done(client, job="blast_snapshot", blast_id=campaign.campaign_id, query=GMAIL)
    inventory = await done(client, job="ad_inventory", start_date="20300301", end_date="20300302")

    assert (people["snapshot"]["total"], people["snapshot"]["domains"]) == (2, {"gmail.com": 2})
    assert (recipients["stats"]["total"], recipients["stats"]["messages"]["recipients"]) == (2, 2)
    assert inventory["inventory"]["20300301"] == {"available": 0, "used": 4}
    assert inventory["conflicts"] == ["20300301"]


async def test_a_query_saved_to_a_list(client: JobClient, caller: Caller, campaign: KnownCampaign) -> None:
    told = await done(client, job="blast_save_list", blast_id=campaign.campaign_id, list="openers", query=GMAIL)

    assert told["added"] == 2
    assert await caller.emails("openers") == ["b@gmail.com", "c@gmail.com"]
