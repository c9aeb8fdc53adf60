"""What became of recipients is published in batches, at least once, with ids that do not change."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import jsonschema
import pytest
from cloudevents.core.bindings.amqp import AMQPMessage, from_amqp_event

from services.api.published.schemas import documents
from shared.bus.cloud_event import CONTENT_TYPE, cloud_event_headers
from shared.bus.in_process import InProcess
from shared.bus.interface import EventEnvelope
from shared.domain.delivery import Kind
from shared.domain.identifiers import shard_of
from shared.postgres.database import Database
from tests.integration.published_rig import AT_MS, RunningDeliveries, add_sent_task, happened, segment
from tests.integration.relay_rig import Troubled, until

SHORT = 1.5  # seconds of lease
PEOPLE = 2_500


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url)
    yield database
    await database.close()


@pytest.fixture
def heard() -> list[EventEnvelope]:
    return []


@pytest.fixture
async def bus(heard: list[EventEnvelope]) -> AsyncIterator[InProcess]:
    bus = InProcess()

    async def hear(envelope: EventEnvelope) -> None:
        heard.append(envelope)

    bus.listen_events("delivery.*", hear)
    yield bus
    await bus.close()


def people_in(envelopes: list[EventEnvelope]) -> Counter[tuple[str, int]]:
    """By event and ordinal, without repeats of a message."""
    batches = {envelope.id: json.loads(envelope.data) for envelope in envelopes}.values()
    return Counter((batch["event"], recipient["ordinal"]) for batch in batches for recipient in batch["recipients"])


async def test_a_batch_names_task_event_and_recipients(
    database: Database, bus: InProcess, heard: list[EventEnvelope]
) -> None:
    """By number, by subscriber and by what their own house calls them; somebody who opens twice is named twice."""
    await add_sent_task(database, 7, 70, recipients=10, known=1)
    await happened(database, segment(7, Kind.OPENED, [0, 9, 0]))
    running = RunningDeliveries(database, bus)

    await until(lambda: len(heard) == 1)
    await running.stop()

    assert (heard[0].type, heard[0].routing_key) == ("postroom.delivery.opened", "delivery.opened")
    assert (heard[0].account_id, heard[0].subject) == (70, "task/7")
    known = {"ordinal": 0, "subscriber_id": 700_000, "external_id": "crm-7-0", "time": AT_MS / 1000}
    other = {"ordinal": 9, "subscriber_id": 700_009, "external_id": None, "time": AT_MS / 1000}
    data = json.loads(heard[0].data)
    assert data == {"task_id": 7, "event": "opened", "recipients": [known, other, known]}
    jsonschema.Draft202012Validator(documents()["delivery.opened"]).validate(data)


async def test_each_event_of_the_contract_goes_out_and_nothing_else(
    database: Database, bus: InProcess, heard: list[EventEnvelope]
) -> None:
    """Deferrals and the like stay inside; who fell behind catches up in the order of the log."""
    await add_sent_task(database, 7, 70, recipients=10)
    for kind in Kind:
        await happened(database, segment(7, kind, [1]))
    running = RunningDeliveries(database, bus)

    await until(lambda: len(heard) == 7)
    async with asyncio.timeout(30):
        while await running.relay.lag() > 0:
            await asyncio.sleep(0.01)
    await running.stop()

    events = ["submitted", "delivered", "bounced", "opened", "clicked", "unsubscribed", "complained"]
    assert [envelope.routing_key for envelope in heard] == [f"delivery.{event}" for event in events]


async def test_no_message_has_more_than_a_thousand_recipients(
    database: Database, bus: InProcess, heard: list[EventEnvelope]
) -> None:
    """A larger segment is told in parts, each with an id of its own."""
    await add_sent_task(database, 7, 70, PEOPLE)
    await happened(database, segment(7, Kind.SUBMITTED, range(PEOPLE)))
    running = RunningDeliveries(database, bus)

    await until(lambda: len(heard) == 3)
    await running.stop()

    assert [len(json.loads(envelope.data)["recipients"]) for envelope in heard] == [1000, 1000, 500]
    assert len({envelope.id for envelope in heard}) == 3
    assert people_in(heard) == Counter({("submitted", ordinal): 1 for ordinal in range(PEOPLE)})


async def test_a_failed_publish_repeats_the_same_messages(
    database: Database, bus: InProcess, heard: list[EventEnvelope]
) -> None:
    """To the byte, so that a consumer can drop what it has."""
    await add_sent_task(database, 7, 70, PEOPLE)
    await happened(database, segment(7, Kind.SUBMITTED, range(PEOPLE)))
    running = RunningDeliveries(database, Troubled(bus, before_trouble=[2]))

    await until(lambda: len(heard) == 5)
    await running.stop()

    assert heard[:2] == heard[2:4]


async def test_when_the_relay_is_killed_the_other_loses_nothing(
    database: Database, bus: InProcess, heard: list[EventEnvelope]
) -> None:
    """In the middle of a page, while more is being written for tasks of every shard."""
    tasks = range(1, 41)
    assert len({shard_of(task) for task in tasks}) > 20
    for task in tasks:
        await add_sent_task(database, task, 70, recipients=20, known=0)
    await happened(database, *(segment(task, Kind.SUBMITTED, range(20)) for task in tasks))
    dying = Troubled(bus, before_trouble=[7], hangs=True)
    first = RunningDeliveries(database, dying, owner=1, lease=SHORT)
    await asyncio.wait_for(dying.hanging.wait(), 30)
    second = RunningDeliveries(database, bus, owner=2, lease=SHORT)
    await first.kill()
    await asyncio.gather(*(happened(database, segment(task, Kind.OPENED, [3])) for task in tasks))

    await until(lambda: len({envelope.id for envelope in heard}) == 80)
    await second.stop()

    told = people_in(heard)
    assert told["submitted", 3] == told["opened", 3] == 40


def test_the_headers_are_read_by_the_library_of_the_standard() -> None:
    """CloudEvents' own, which raises for what is no event."""
    time_of_event = datetime.fromisoformat("2026-06-01T12:00:00.25+00:00")
    data = b'{"task_id": 7}'
    envelope = EventEnvelope(
        "1-d9-0", "postroom.delivery.opened", "delivery.opened", time_of_event, 2**53 + 1, "task/7", data
    )
    properties: dict[str, Any] = {"content-type": CONTENT_TYPE}

    event = from_amqp_event(AMQPMessage(properties, dict(cloud_event_headers(envelope)), data))

    assert event.get_attributes() == {
        "specversion": "1.0",
        "id": "1-d9-0",
        "source": "/postroom",
        "type": "postroom.delivery.opened",
        "subject": "task/7",
        "time": time_of_event,
        "accountid": str(2**53 + 1),
        "datacontenttype": "application/json",
    }
    assert event.get_data() == {"task_id": 7}
