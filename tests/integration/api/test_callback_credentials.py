"""User and password of a callback's URL: stored sealed, shown as stars, and kept when what was shown is sent back."""

from typing import Any

import pytest

from services.api.published.envelope import envelope_of
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime.settings import Settings
from shared.sealed_urls import open_credentials
from tests.everything_stored import places_of
from tests.integration.api.campaigning import make
from tests.integration.api.conftest import Client, Ready, count_events

GIVEN = "https://ada:canary-pass@93.184.216.34/events?x=1"
SHOWN = "https://***@93.184.216.34/events?x=1"


@pytest.fixture
async def campaign(client: Client, ready: Ready) -> dict[str, Any]:
    return await make(client, ready, event_callback=GIVEN)


async def stored_url(database: Database, campaign: dict[str, Any]) -> str:
    return str(await database.fetch_value("SELECT event_callback FROM campaign WHERE id = $1", campaign["id"]))


async def test_nobody_is_shown_them_and_no_row_holds_them(
    client: Client, campaign: dict[str, Any], database: Database, store: PostgresEventStore, settings: Settings
) -> None:
    """Neither answers, nor what happened, nor the bus; the one who calls opens what is stored."""
    path = f"/campaign/{campaign['id']}"
    history = (await client.get(f"{path}/history")).json
    (created,) = await store.read_stream(f"campaign-{campaign['id']}")

    assert campaign["event_callback"] == (await client.get(path)).json["event_callback"] == SHOWN
    assert history[0]["detail"]["event_callback"] == SHOWN
    assert SHOWN.encode() in envelope_of(created, {}).data
    assert await places_of(database, "canary-pass", "ada:") == []
    assert client.created is not None
    stored = await stored_url(database, campaign)
    assert open_credentials(settings.secret, client.created["account_id"], stored) == GIVEN


@pytest.mark.parametrize("url", [SHOWN, GIVEN])
async def test_what_was_shown_or_given_changes_nothing(
    client: Client, campaign: dict[str, Any], database: Database, url: str
) -> None:
    before, events = await stored_url(database, campaign), await count_events(database)
    changed = await client.put(f"/campaign/{campaign['id']}", {"event_callback": url})

    assert (changed.status, changed.json["event_callback"]) == (200, SHOWN)
    assert (await stored_url(database, campaign), await count_events(database)) == (before, events)


async def test_stars_for_another_url_are_refused(client: Client, ready: Ready, campaign: dict[str, Any]) -> None:
    """They stand for what nobody was told of it."""
    elsewhere = SHOWN.replace("events", "others")
    changed = await client.put(f"/campaign/{campaign['id']}", {"event_callback": elsewhere})
    made = await client.post("/campaign", {"name": "New", "list": ready.list_id, "event_callback": SHOWN})

    assert (changed.status, changed.faults) == (made.status, made.faults) == (400, {"event_callback"})


async def test_another_password_is_a_change(client: Client, campaign: dict[str, Any], database: Database) -> None:
    before, events = await stored_url(database, campaign), await count_events(database)
    other = GIVEN.replace("canary-pass", "canary-other")
    changed = await client.put(f"/campaign/{campaign['id']}", {"event_callback": other})

    assert (changed.status, await count_events(database)) == (200, events + 1)
    assert await stored_url(database, campaign) != before
    assert await places_of(database, "canary-other") == []


async def test_those_of_a_job_s_urls_are_in_no_row(client: Client, ready: Ready, database: Database) -> None:
    """Neither of what is to be fetched, nor of who is told the end."""
    job = {
        "job": "import",
        "list": "Everybody",
        "url": "https://ada:canary-fetch@93.184.216.34/people.csv",
        "postback_url": "https://ada:canary-told@93.184.216.34/done",
    }
    assert (await client.post("/job", job)).status == 200
    row = await database.fetch_row("SELECT params, postback_url FROM job_work")

    assert row is not None
    assert row["params"]["url"].startswith("https://sealed~")
    assert row["postback_url"].endswith("@93.184.216.34/done")
    assert await places_of(database, "canary-fetch", "canary-told", "ada:") == []
