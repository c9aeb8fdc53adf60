"""A person decides about those of whom nobody knows whether they were sent to."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap

from services.dispatcher.sending.statements import STATEMENTS
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.segments import Hits, by_kind
from shared.domain.delivery import Kind
from shared.domain.task import ChangeTask, CompleteTask, FreezeAudience, StartTask
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime import clock
from tests.audience import post_task
from tests.integration.api.conftest import Client, count_events, drive
from tests.integration.dispatcher.dispatching import copies, dispatching, ordinal_of, settled
from tests.integration.dispatcher.test_sending import is_for
from tests.integration.tracker.running_projectors import project_all
from tests.sinks.fake_relay import Action, End, FakeRelay, Step

DOUBTFUL = (5, 6, 7)
RESEND, HOLD = {"action": "resend"}, {"action": "hold"}


def silent_for(*numbers: int) -> Any:
    """A relay that takes the messages of these people and does not say so."""

    def script(step: Step) -> Action | None:
        doubtful = step.stage == "dot" and any(is_for(step, number) for number in numbers)
        return End(took=True) if doubtful else None

    return script


async def held_task(database: Database, folder: Path, recipients: int = 30) -> FakeRelay:
    """Sent and completed; three are held, though the relay took their messages."""
    await post_task(database, recipients, in_doubt="hold")
    async with FakeRelay(silent_for(*DOUBTFUL)) as relay, dispatching(database, relay.port, folder):
        sets = await settled(database, recipients)
    await project_all(database)
    assert sets[Kind.HELD] == BitMap(DOUBTFUL)
    return relay


async def send_the_rest(database: Database, folder: Path, script: Any) -> FakeRelay:
    async with FakeRelay(script) as relay, dispatching(database, relay.port, folder):
        async with asyncio.timeout(20):
            while await database.fetch_value("SELECT count(*) FROM batch WHERE NOT done"):
                await asyncio.sleep(0.02)
    await project_all(database)
    return relay


async def test_a_resend_after_completion_reaches_whom_it_can(
    client: Client, database: Database, tmp_path: Path
) -> None:
    """Once more with the same Message-ID; in doubt again, or suppressed by then, is held; the sum is the audience."""
    first = await held_task(database, tmp_path)
    before = (await client.get("/task/1")).json
    assert (before["completed"], (await states(client))["in_doubt"]) == (True, 3)
    await database.execute("UPDATE subscription SET ended_at = now() WHERE subscriber_id = 10000006")

    reply = await client.post("/task/1/in-doubt", RESEND)
    second = await send_the_rest(database, tmp_path, silent_for(7))

    assert (reply.status, reply.json) == (200, {**before, "in_doubt": "resend"})
    assert copies(second) == Counter([5, 7])
    assert {taken.message_id for taken in second.ledger} <= {taken.message_id for taken in first.ledger}
    assert {name: count for name, count in (await states(client)).items() if count} == {"accepted": 28, "in_doubt": 2}
    records = (await client.get("/task/1/contact?in_doubt=held")).json
    assert [(record["ordinal"], record["state"], record["reason"]) for record in records] == [
        (5, "accepted", None),
        (6, "in_doubt", "unsubscribed"),
        (7, "in_doubt", "no reply to the final dot"),
    ]
    assert (await client.get("/task/1")).json == {**before, "in_doubt": "resend"}


async def states(client: Client) -> dict[str, int]:
    """As the report has them; they always make up the audience."""
    report = (await client.get("/task/1/report")).json
    assert sum(report["states"].values()) == report["audience"]
    assert report["in_doubt"]["held"] == 3
    return dict(report["states"])


async def test_it_is_once_more_and_not_again_and_again(client: Client, database: Database, tmp_path: Path) -> None:
    """Whether asked at once, side by side, or after the resend was in doubt as well."""
    await held_task(database, tmp_path)
    replies = await asyncio.gather(*(client.post("/task/1/in-doubt", RESEND) for _ in range(5)))
    assert {reply.status for reply in replies} == {200}
    sent = copies(await send_the_rest(database, tmp_path, silent_for(*DOUBTFUL)))
    events = await count_events(database)

    await client.post("/task/1/in-doubt", RESEND)
    sent += copies(await send_the_rest(database, tmp_path, silent_for()))

    assert sent == Counter(DOUBTFUL)
    assert await count_events(database) == events
    history = (await client.get("/task/1/history")).json
    decided = [event for event in history if event["event"] == "task.in_doubt_decided"]
    assert [event["detail"] for event in decided] == [{"action": "resend", "recipients": 3}]
    assert decided[0]["user_id"] == client.created["user_id"] if client.created else None


async def test_hold_ends_a_resend_that_waits(client: Client, database: Database, tmp_path: Path) -> None:
    """Nothing is resent any more; and whoever was held stays so."""
    await held_task(database, tmp_path)
    await client.post("/task/1/in-doubt", RESEND)

    reply = await client.post("/task/1/in-doubt", HOLD)
    relay = await send_the_rest(database, tmp_path, silent_for())

    assert (reply.status, reply.json["in_doubt"]) == (200, "hold")
    assert relay.ledger == []
    assert (await states(client))["in_doubt"] == 3


async def test_the_word_counts_for_those_who_come_to_be_in_doubt(
    client: Client, database: Database, tmp_path: Path
) -> None:
    """A task that resends holds from now on, and one that holds resends."""
    await post_task(database, 30, in_doubt="resend")
    assert (await client.post("/task/1/in-doubt", HOLD)).json["in_doubt"] == "hold"
    async with FakeRelay(silent_for(5)) as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 30)

    assert sets[Kind.HELD] == BitMap([5])
    assert {ordinal_of(taken.message_id) for taken in relay.ledger} == set(range(30))
    assert copies(relay)[5] == 1


async def test_after_a_cancel_nothing_is_resent(client: Client, database: Database, store: PostgresEventStore) -> None:
    """409; to hold is what holds anyway."""
    await post_task(database, 3)
    await drive(store, 1, StartTask(1), FreezeAudience(3, {}), ChangeTask(frozenset({"cancelled"}), cancelled=True))

    refused = await client.post("/task/1/in-doubt", RESEND)

    assert (refused.status, refused.faults) == (409, {"action"})
    assert (await client.post("/task/1/in-doubt", HOLD)).status == 200


async def test_a_resend_of_what_has_expired_is_refused(
    client: Client, database: Database, store: PostgresEventStore
) -> None:
    """It is not worth sending any more."""
    await post_task(database, 3)
    await client.put("/task/1", {"expires": clock.now() + 0.3})
    await drive(store, 1, StartTask(1), FreezeAudience(3, {}), CompleteTask())

    async with asyncio.timeout(10):
        while (reply := await client.post("/task/1/in-doubt", RESEND)).status == 200:
            await asyncio.sleep(0.02)

    assert (reply.status, reply.faults) == (409, {"action"})


@pytest.mark.parametrize(
    "body", [{}, {"action": "ask"}, {"action": None}, {"action": "hold", "x": 1}, [], {"action": 1}]
)
async def test_another_word_is_refused(client: Client, database: Database, body: Any) -> None:
    await post_task(database, 3)

    assert (await client.post("/task/1/in-doubt", body)).status == 400


async def test_of_what_one_cannot_see_one_decides_nothing(client: Client, clients: Any, database: Database) -> None:
    await post_task(database, 3)
    other, reader = await clients.make("other"), await clients.make(user="rob", role="reader")

    assert (await client.post("/task/9/in-doubt", RESEND)).status == 404
    assert (await other.post("/task/1/in-doubt", RESEND)).status == 404
    assert (await reader.post("/task/1/in-doubt", RESEND)).status == 403


async def test_a_repeat_with_its_key_is_answered_as_the_first(client: Client, database: Database) -> None:
    """Also where there was nothing to decide; another body under the same key is refused."""
    await post_task(database, 3)
    key = {"Idempotency-Key": "once"}
    first = await client.post("/task/1/in-doubt", RESEND, headers=key)
    await client.post("/task/1/in-doubt", HOLD)

    assert (await client.post("/task/1/in-doubt", RESEND, headers=key)).json == first.json
    assert (await client.post("/task/1/in-doubt", HOLD, headers=key)).status == 409
    assert (await client.get("/task/1")).json["in_doubt"] == "hold"


async def test_many_who_are_held_become_batches_as_an_audience_does(
    client: Client, database: Database, store: PostgresEventStore
) -> None:
    """Of at most 500, each marked as one that was in doubt before."""
    await post_task(database, 1_200, in_doubt="hold")
    await drive(store, 1, StartTask(1), FreezeAudience(1_200, {}))
    await database.execute("INSERT INTO sending (shard, task_id, frozen) VALUES (1, 1, true) ON CONFLICT DO NOTHING")
    await record_held(database, range(1_200))
    await client.post("/task/1/in-doubt", RESEND)

    rows = await database.fetch(STATEMENTS["claim_batches"], 11, 15.0, 10, "email", False)

    assert sorted(row["allowed"] for row in rows) == [200, 500, 500]
    assert all(row["ordinals"] == row["resent"] for row in rows)
    assert BitMap().union(*(BitMap.deserialize(row["ordinals"]) for row in rows)) == BitMap(range(1_200))


async def record_held(database: Database, ordinals: range) -> None:
    segments = by_kind(1, 0, 1, 0, [(Kind.HELD, Hits.at_once(BitMap(ordinals), 1_000, "no reply"))])
    await DeliveryLog(database).append(segments, [])
    await project_all(database)
