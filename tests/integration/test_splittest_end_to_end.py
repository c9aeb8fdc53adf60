"""A split test from its POST to its end: API, dispatcher, tracker and a relay, with readers who fetch what they got."""

import asyncio
import quopri
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp

from services.api.app import start_api
from services.api.keys import create_key
from services.tracker.app import start_tracker
from shared.bus.in_process import InProcess
from shared.bus.interface import EventEnvelope
from shared.delivery_log.append import DeliveryLog
from shared.domain.refusal import Refused
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from tests.integration.api.conftest import EMAIL_MESSAGE, NOW_DUE, Client
from tests.integration.dispatcher.charging import allow, charged
from tests.integration.dispatcher.dispatching import SECRET_TEXT, dispatching
from tests.integration.tracker.readers import settings_for
from tests.sinks.fake_relay import FakeRelay, Taken

PEOPLE, SAMPLE = 60, 18
SUBJECTS = ("First", "Second", "Third")


@asynccontextmanager
async def whole_service(
    database: Database, database_url: str, folder: Path, relay: FakeRelay, events: list[EventEnvelope]
) -> AsyncIterator[Client]:
    """The three services on one database, each as its process would run it; ``events``: what the bus has carried."""
    store, bus = PostgresEventStore(database), InProcess()

    async def hear(event: EventEnvelope) -> None:
        events.append(event)

    bus.listen_events("splittest.*", hear)
    of_all: dict[str, Any] = {"secret": (bytes(range(32)),), "sweep_seconds": 0.05, "dns_check": False}
    settings = replace(settings_for(database_url, folder), api_port=0, **of_all)
    tracker = await start_tracker(settings, database, store, DeliveryLog(database), InProcess())
    api = await start_api(settings, database, store, bus)
    created = await create_key(database, store, settings.secret, "acme", "ann", "admin", "test")
    assert not isinstance(created, Refused)
    try:
        async with (
            dispatching(database, relay.port, folder, tracker_url=tracker.url, secret=SECRET_TEXT),
            aiohttp.ClientSession() as session,
        ):
            yield Client(api.url, session, created["key"], created)
    finally:
        await api.stop()
        await tracker.stop()
        await bus.close()


async def prepare(client: Client) -> dict[str, Any]:
    """A list and three messages; the split test of them, by open, whose delay is not over soon."""
    made = await client.post("/list", {"name": "Everybody"})
    assert made.status == 201, made.data
    people = [{"email": f"p{number}@example.com"} for number in range(PEOPLE)]
    assert (await client.post(f"/list/{made.json['id']}/subscriber", people)).status == 200
    messages = [(await client.post("/message", {**EMAIL_MESSAGE, "subject": each})).json["id"] for each in SUBJECTS]
    return {
        "message_ids": messages,
        "list_id": made.json["id"],
        "criterion": "open",
        "delay": 1000,
        "segmentvalue": 30,
        "scheduledtime": NOW_DUE,
    }


async def until(ask: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool], seconds: float = 60.0) -> Any:
    async with asyncio.timeout(seconds):
        while not holds(found := await ask()):
            await asyncio.sleep(0.05)
    return found


async def completed_tasks(client: Client, test: dict[str, Any]) -> list[dict[str, Any]]:
    """Of its variants and its winner, those that are through."""
    ids = [*(variant["task_id"] for variant in test["variants"]), test["winner_task_id"]]
    tasks = [(await client.get(f"/task/{task_id}")).json for task_id in ids if task_id]
    return [task for task in tasks if task["completed"]]


def with_subject(relay: FakeRelay, subject: str) -> list[Taken]:
    return [taken for taken in relay.ledger if f"\r\nSubject: {subject}\r\n".encode() in taken.content]


async def look_at(client: Client, taken: Taken, times: int = 1) -> None:
    """Fetches the pixel in what was sent."""
    text = quopri.decodestring(taken.content).decode()
    [pixel] = re.findall(r"http://[^\"]*/o/[^\"]+", text)
    for _ in range(times):
        async with client.session.get(pixel) as answer:
            assert answer.status == 200


async def test_the_message_that_most_people_opened_goes_to_the_rest(database_url: str, tmp_path: Path) -> None:
    """One who opens often is one; every person gets exactly one message, and the tasks add up to the audience."""
    database, events = await Database.connect(database_url), list[EventEnvelope]()
    async with FakeRelay() as relay, whole_service(database, database_url, tmp_path, relay, events) as client:
        await allow(database, credit=PEOPLE + 5)
        path = (await client.post("/splittest", await prepare(client))).headers["Location"]

        async def read() -> Any:
            test = (await client.get(path)).json
            return {**test, "through": len(await completed_tasks(client, test))}

        test = await until(read, lambda test: test["through"] == 3)
        sent = {subject: with_subject(relay, subject) for subject in SUBJECTS}
        assert [len(taken) for taken in sent.values()] == [6, 6, 6]
        assert (test["recipients"], test["rest"]) == (PEOPLE, PEOPLE - SAMPLE)
        await look_at(client, sent["First"][0], times=5)
        await asyncio.gather(*(look_at(client, taken) for taken in sent["Second"][:3]))
        await asyncio.gather(*(look_at(client, taken) for taken in sent["Third"][:2]))

        await client.put(path, {"delay": 0})  # so it is over now, and whatever was opened until now counts
        test = await until(read, lambda test: test["completed"])

        tasks = await completed_tasks(client, test)
        assert [variant["score"] for variant in test["variants"]] == [1, 3, 2]
        assert test["winner_message_id"] == test["message_ids"][1]
        assert [task["message_id"] for task in tasks] == [*test["message_ids"], test["winner_message_id"]]
        assert [task["emailuniqueopens"] for task in tasks] == [1, 3, 2, 0]
        assert {task["splittest_id"] for task in tasks} == {test["id"]}
        assert await charged(database) == PEOPLE
        reports = [(await client.get(f"/task/{task['id']}/report")).json for task in tasks]
        assert [report["audience"] for report in reports] == [6, 6, 6, PEOPLE - SAMPLE]
        assert [(report["joined"], report["excluded"]) for report in reports] == [(0, {})] * 4
        kinds = ["created", "started", "drawn", "changed", "measured", "winner_chosen", "completed"]
        await until(read, lambda _: len(events) == len(kinds))
    await database.close()

    assert Counter(relay.recipients()) == Counter(f"p{number}@example.com" for number in range(PEOPLE))
    assert len(with_subject(relay, "Second")) == PEOPLE - SAMPLE + 6
    assert [event.routing_key for event in events] == [f"splittest.{kind}" for kind in kinds]
    assert {event.subject for event in events} == {f"splittest/{test['id']}"}
