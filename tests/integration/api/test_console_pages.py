"""What the pages of the console show, and what its buttons do: as the API says and does."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.api.app import RunningApi
from services.api.console.read import ON_A_PAGE
from shared.domain.delivery import Kind
from shared.domain.retry_schedule import RetrySchedule
from shared.postgres.database import Database
from shared.runtime.settings import Settings
from tests.integration.api.conftest import NOW_DUE, Client, Clients, Ready
from tests.integration.api.test_in_doubt import held_task
from tests.integration.api.visiting import visit
from tests.integration.tracker.called_back import Post, add_campaign, post_on, tell
from tests.sinks.receiver import OK, Moody, Receiver, status

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}"


@pytest.fixture
async def post(api: RunningApi, settings: Settings, database_url: str) -> AsyncIterator[Post]:
    """A tracker that makes callbacks."""
    async with post_on(database_url, schedule=RetrySchedule((5.0,)), secrets=settings.secret) as post:
        yield post


async def test_the_list_opens_on_the_newest_and_goes_on(client: Client, ready: Ready) -> None:
    """By the choice that was made; a task's name leads to its page."""
    wishes = [ready.task(name=f"Furniture {number}") for number in range(ON_A_PAGE + 1)]
    *_, last = [(await client.post("/task", wish)).json["id"] for wish in wishes]
    await client.put(f"/task/{last}", {"cancelled": True})
    visitor = await visit(client)
    first = await visitor.get()
    assert f'<a href="/console/task/{last}"><bdi>Furniture {ON_A_PAGE}</bdi></a>' in first.html
    assert f"{ON_A_PAGE + 1} in all" in first.words
    assert first.html.count("<bdi>Furniture") == ON_A_PAGE

    older = first.html.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    assert (await visitor.get(older)).html.count("<bdi>Furniture") == 1
    assert (await visitor.get("/console?show=cancelled")).html.count("<bdi>Furniture") == 1
    assert (await visitor.get("/console?show=open")).html.count("<bdi>Furniture") == ON_A_PAGE
    assert "No tasks here." in (await visitor.get("/console?show=completed")).words


async def test_a_task_is_paused_resumed_and_cancelled_by_its_buttons(
    clients: Clients, client: Client, ready_task: int
) -> None:
    """Each is in its history under the name of whoever pressed it; what is impossible is told on the page."""
    visitor = await visit(client)
    path = f"/console/task/{ready_task}"
    for button in ("pause", "resume", "cancel"):
        pressed = await visitor.press(f"{path}/{button}")
        assert (pressed.status, pressed.headers["Location"]) == (303, path)
    decided = await visitor.press(f"{path}/in-doubt", action="resend")

    task = (await client.get(f"/task/{ready_task}")).json
    assert (task["cancelled"], task["paused"]) == (True, False)
    page = await visitor.get(path)
    history = page.words.partition("History")[2]
    places = [history.index(f"{word} ann") for word in ("Cancelled", "Resumed", "Paused", "Created")]
    assert places == sorted(places)
    assert decided.status == 409
    assert 'role="alert"' in decided.html
    assert "News" in decided.words


async def test_those_in_doubt_are_shown_with_their_reason_and_decided_on(
    client: Client, database: Database, tmp_path: Path
) -> None:
    """Three of thirty; both buttons, as the API has them."""
    await held_task(database, tmp_path)
    visitor = await visit(client)
    page = await visitor.get("/console/task/1")
    held = await visitor.get("/console/task/1/contact?in_doubt=held")
    unknown = await visitor.press("/console/task/1/in-doubt", action="forget")
    resend = await visitor.press("/console/task/1/in-doubt", action="resend")
    after = (await client.get("/task/1")).json["in_doubt"]
    hold = await visitor.press("/console/task/1/in-doubt", action="hold")

    assert "3 held · 0 sent once more. From now on, those in doubt are held." in page.words
    assert "in doubt no reply to the final dot 3 of 3" in page.words
    assert page.html.count('name="action"') == 2
    assert held.words.count("no reply to the final dot") == 3
    assert [reply.status for reply in (unknown, resend, hold)] == [400, 303, 303]
    assert (after, (await client.get("/task/1")).json["in_doubt"]) == ("resend", "hold")
    assert "In doubt decided ann" in (await visitor.get("/console/task/1")).words


async def test_names_are_text_wherever_they_stand(clients: Clients, ready: Ready, database: Database) -> None:
    """Of tasks, campaigns, users, reasons, addresses: none becomes a tag."""
    client = await clients.make(user=EVIL)
    task = (await client.post("/task", ready.task(name=EVIL))).json["id"]
    await client.put(f"/task/{task}", {"paused": True})
    await database.execute("UPDATE task SET paused_reason = $1 WHERE id = $2", EVIL, task)
    campaign = (await client.post("/campaign", {"name": EVIL, "list": ready.list_id, "when": NOW_DUE})).json["id"]
    await database.execute("UPDATE campaign SET error = $1", EVIL)
    await client.post("/suppression", {"telephone": "+447700900123", "source": EVIL, "detail": EVIL})
    await database.execute(
        "INSERT INTO notice (account_id, channel, purpose, origin, sender, state, reason, expires_at)"
        " VALUES (1, 'email', 'proof', 'x', 'x', 'failed', $1, now() + interval '1 day')",
        EVIL,
    )
    visitor = await visit(client)
    paths = (
        *("/console", f"/console/task/{task}", "/console/campaigns", f"/console/campaign/{campaign}"),
        *("/console/parked", "/console/suppressions", "/console/suppressions?address=%3Cscript%3E@"),
    )
    for path in paths:
        page = await visitor.get(path)
        assert ("<script>" in page.html, "<img" in page.html) == (False, False), path
        assert "&lt;script&gt;" in page.html, path


async def test_the_first_and_the_last_moment_there_is_are_shown(client: Client, ready: Ready) -> None:
    """Of campaigns and of tasks: what the API takes, no page breaks at."""
    for when, day in ((-62_135_596_800, "0001-01-01"), (253_402_300_799, "9999-12-31")):
        campaign = (await client.post("/campaign", {"name": "C", "list": ready.list_id, "when": when})).json["id"]
        task = (await client.post("/task", ready.task(scheduledtime=when))).json["id"]
        visitor = await visit(client)
        for path in ("/console/campaigns", f"/console/campaign/{campaign}"):
            assert f"{day} " in (await visitor.get(path)).words, path
        for path in ("/console", f"/console/task/{task}"):
            assert (await visitor.get(path)).status == 200, path


async def test_callbacks_are_shown_and_redelivered(
    clients: Clients, client: Client, database: Database, post: Post
) -> None:
    """What is parked is found from the list of what is, and goes out again at the press of a button; nobody else sees
    it, not of another account and not a member whose campaign it is not.
    """
    moody = Moody(status(500))
    async with Receiver(moody) as receiver:
        (task,) = await add_campaign(database, 7, receiver.url)
        await tell(post, task, Kind.SUBMITTED)
        await post.deliver()
        await post.let_time_pass(10)
        await post.deliver()
        visitor = await visit(client)
        for path in ("/console/callbacks", "/console/parked"):
            assert "Sale parked failed 2 times in a row 500 answered 500" in (await visitor.get(path)).words
        others = [await clients.make(account="others", user="eve"), await clients.make(user="bob", role="member")]
        for other in [await visit(each) for each in others]:
            for path in ("/console/callbacks", "/console/parked", "/console/campaigns"):
                assert "Sale" not in (await other.get(path)).words
            for path in ("/console/campaign/7", "/console/campaign/7/live"):
                assert (await other.get(path)).status == 404
        page = await visitor.get("/console/campaign/7")
        [button] = [action for action in page.actions if action.endswith("/redeliver")]
        assert "3 people" in page.words

        moody.answer = OK
        assert (await visitor.press(button)).status == 303
        await post.deliver()
        assert "delivered 200" in (await visitor.get("/console/campaign/7")).words
        assert "Sale" not in (await visitor.get("/console/parked")).words
        assert (await visitor.press("/console/campaign/7/callback/999/redeliver")).status == 404


async def test_a_campaign_is_moved_by_its_buttons(client: Client, ready: Ready, domain: int) -> None:
    made = await client.post(
        "/campaign", {"name": "Sale", "list": ready.list_id, "domain": domain, "when": 4_000_000_000}
    )
    campaign, visitor = made.json["id"], await visit(client)
    path = f"/console/campaign/{campaign}"
    assert (await visitor.press(f"{path}/move", state="SCHEDULED")).status == 303
    assert (await client.get(f"/campaign/{campaign}")).json["state"] == "SCHEDULED"
    refused = await visitor.press(f"{path}/move", state="READY")
    assert (refused.status, "payload" in refused.words) == (409, True)
    assert "Sale no payload yet · no. 1 scheduled" in (await visitor.get("/console/campaigns")).words
    assert (await visitor.press(f"{path}/move", state="SENT")).status == 400


async def test_suppressions_are_found_by_address_and_lifted(client: Client) -> None:
    for line in ({"email": "Angry@Example.org"}, {"telephone": "+447700900123"}, {"email": "b@example.org"}):
        await client.post("/suppression", {**line, "reason": "complaint"})
    visitor = await visit(client)
    by_email = await visitor.get("/console/suppressions?address=angry%40example.org")
    by_number = await visitor.get("/console/suppressions?address=%2B447700900123&list_id=&reason=")
    [button] = [action for action in by_email.actions if action.endswith("/lift")]

    assert ("1 found" in by_email.words, "1 found" in by_number.words) == (True, True)
    assert "3 found" in (await visitor.get("/console/suppressions?reason=complaint")).words
    assert (await visitor.press(button)).status == 303
    assert (await visitor.press(button)).status == 404
    assert "Nobody." in (await visitor.get("/console/suppressions?address=angry%40example.org")).words


async def test_jobs_are_shown_to_whom_the_api_shows_them(
    clients: Clients, client: Client, database: Database, ready: Ready
) -> None:
    """With how far they are; a postback that was given up is parked; what only admins may start, only they see."""
    posted = await client.send("POST", "/job", {"job": "import", "list": "Everybody", "emails": "a@example.com"})
    path, visitor = f"/console/job/{posted.json['job_id']}", await visit(client)
    await database.execute(
        "INSERT INTO postback (job_id, account_id, state, reason)"
        " SELECT id, account_id, 'given_up', 'answered 500' FROM job"
    )
    elsewhere = await visit(await clients.make(account="others", user="eve"))
    member = await visit(await clients.make(user="bob", role="member"))
    for seeing in (visitor, member):
        assert "List Import: Everybody" in (await seeing.get("/console/jobs")).words
        assert "List Import: Everybody answered 500" in (await seeing.get("/console/parked")).words
        page = await seeing.get(path)
        assert ("pending" in page.words, "0 %" in page.words) == (True, True)
    await database.execute("UPDATE job SET kind = 'export_list_data'")
    for blind in (elsewhere, member):
        for place in ("/console/jobs", "/console/parked"):
            assert "List Import" not in (await blind.get(place)).words
        assert (await blind.get(path)).status in (403, 404)
    assert "List Import: Everybody" in (await visitor.get("/console/jobs")).words


async def test_single_messages_that_failed_are_parked_for_whoever_asked(
    clients: Clients, client: Client, database: Database
) -> None:
    """A member sees his own."""
    await database.execute(
        "INSERT INTO notice (account_id, user_id, channel, purpose, origin, sender, state, reason, expires_at)"
        " SELECT 1, 1, 'email', 'proof', state, 'x', state, 'no such mailbox', now() + interval '1 day'"
        "   FROM unnest(ARRAY['failed', 'in_doubt', 'accepted', 'waiting']) AS state"
    )
    member = await visit(await clients.make(user="bob", role="member"))

    assert (await (await visit(client)).get("/console/parked")).words.count("no such mailbox") == 2
    assert "no such mailbox" not in (await member.get("/console/parked")).words
