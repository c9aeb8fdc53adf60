"""``update`` opts people out and in again, with who did it in the history; and it may end with a campaign."""

import asyncio
from typing import Any

import pytest

from tests.integration.api.conftest import EMAIL_MESSAGE
from tests.integration.jobs.caller import Caller
from tests.integration.jobs.conftest import World


async def _optout(caller: Caller, email: str = "a@example.com") -> str:
    person = await caller.person(email)
    assert person is not None
    return str(person["optout"])


async def _reasons(caller: Caller) -> list[tuple[str, int | None]]:
    rows = (await caller.native.get("/suppression?count=100")).json
    return [(row["reason"], row["list_id"]) for row in rows]


@pytest.mark.parametrize("optout", ["basic", "blast", "all"])
async def test_an_optout_is_made_and_taken_back(caller: Caller, optout: str) -> None:
    """It is remembered beside the person, so that it survives an erasure."""
    await caller.done(job="import", list="Main", emails="a@example.com")

    told = await caller.done(job="update", emails="a@example.com,new@example.com", update={"optout": optout})

    assert (told["created"], told["updated"]) == (1, 1)
    assert await _optout(caller) == await _optout(caller, "new@example.com") == optout
    assert await _reasons(caller) == [("opted_out", None)] * 2
    await caller.done(job="update", emails="a@example.com", update={"optout": "none"})
    assert await _optout(caller) == "none"
    assert await _reasons(caller) == [("opted_out", None)]


async def test_an_optout_of_everything_may_become_one_of_campaigns(world: World, caller: Caller) -> None:
    await caller.done(job="update", emails="a@example.com", update={"optout": "all"})
    await caller.done(job="update", emails="a@example.com", update={"optout": "blast"})

    assert await _optout(caller) == "blast"
    statement = "SELECT marketing_only FROM suppression WHERE account_id = $1"
    assert caller.native.created is not None
    rows = await world.database.fetch(statement, caller.native.created["account_id"])
    assert [row["marketing_only"] for row in rows] == [True]


async def test_a_list_that_somebody_left_is_joined_again(caller: Caller) -> None:
    """His own word is lifted, the others stay."""
    await caller.done(job="import", list="Main", emails="a@example.com")
    list_id = await caller.list_id("Main")
    await caller.native.post("/suppression", {"email": "a@example.com", "reason": "unsubscribed", "list_id": list_id})
    await caller.native.post("/suppression", {"email": "a@example.com", "reason": "complaint"})
    await caller.done(job="import", list="Main", emails="a@example.com")
    assert ("unsubscribed", list_id) in await _reasons(caller)

    await caller.done(job="update", emails="a@example.com", update={"lists": {"Main": 1}})

    assert await _reasons(caller) == [("complaint", None)]
    assert await caller.emails("Main") == ["a@example.com"]


async def test_whoever_lifted_it_stands_in_the_history(world: World, caller: Caller) -> None:
    assert caller.native.created is not None
    account = caller.native.created["account_id"]
    await caller.done(job="update", emails="a@example.com", update={"optout": "all"})

    await caller.done(job="update", emails="a@example.com", update={"optout": "none"})

    statement = "SELECT type, user_id FROM event WHERE account_id = $1 AND type LIKE '%suppress%' ORDER BY position"
    rows = await world.database.fetch(statement, account)
    user_id = caller.native.created["user_id"]
    assert [tuple(row) for row in rows] == [
        ("list.subscribers_suppressed", user_id),
        ("list.suppressions_lifted", user_id),
    ]


async def test_an_erased_complainer_does_not_come_back(world: World, caller: Caller) -> None:
    """Only the keyed hash of his address is left."""
    await caller.native.post("/suppression", {"email": "gone@example.com", "reason": "complaint"})
    await world.database.execute("UPDATE suppression SET address = NULL WHERE address = 'gone@example.com'")

    told = await caller.done(job="update", emails="gone@example.com,a@example.com", update={"vars": {"a": 1}})

    assert (told["created"], told["skipped"]) == (1, 1)
    assert await caller.person("gone@example.com") is None


async def _campaign(caller: Caller, **given: Any) -> int:
    await caller.done(job="import", list="Main", emails="a@example.com")
    list_id = await caller.list_id("Main")
    message = await caller.native.post("/message", EMAIL_MESSAGE)
    domain = await caller.native.post("/domain", {"name": f"n{list_id}.example.com", "bouncing": True})
    wish = {"name": "C", "list": list_id, "domain": domain.json["id"], "when": 4_000_000_000, **given}
    made = await caller.native.post("/campaign", wish)
    assert made.status == 201, made.json
    campaign_id = int(made.json["id"])
    payload = {"channel": "email", "message_id": message.json["id"]}
    assert (await caller.native.post(f"/campaign/{campaign_id}/payload", payload)).status == 201
    return campaign_id


@pytest.mark.parametrize("state", ["DRAFT", "SCHEDULED"])
async def test_a_campaign_goes_when_the_update_is_done(world: World, caller: Caller, state: str) -> None:
    campaign_id = await _campaign(caller, state=state)

    told = await caller.done(
        job="update", emails=f"{state}@example.com", update={"lists": {"Main": 1}, "schedule_blast": campaign_id}
    )

    assert told["created"] == 1
    async with asyncio.timeout(30):
        while f"{state}@example.com" not in world.relay.recipients():
            await asyncio.sleep(0.02)


async def test_a_campaign_that_cannot_go_fails_the_job(caller: Caller) -> None:
    """What it lacks is named; what was updated stays."""
    await caller.done(job="import", list="Main", emails="a@example.com")
    wish = {"name": "C", "list": await caller.list_id("Main")}
    campaign_id = (await caller.native.post("/campaign", wish)).json["id"]

    told = await caller.ended(
        await caller.post(
            job="update", emails="a@example.com", update={"vars": {"a": 1}, "schedule_blast": campaign_id}
        )
    )

    assert told["status"] == "error"
    assert told["errormsg"].startswith("schedule_blast: ")
    person = await caller.person("a@example.com")
    assert person is not None
    assert person["vars"] == {"a": 1}
