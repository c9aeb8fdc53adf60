"""``/v1/contact`` and ``/v1/bounce``: what became of a task, as the clients ask for it."""

from typing import Any

import pytest
import signupto

from services.tracker.decisions.judge_bounce import SoftBounceRule
from services.tracker.metrics import Metrics
from services.tracker.projector.projector import Projector
from services.tracker.projector.suppress_returned import ReturnedSuppressor
from shared.domain.delivery import Kind
from shared.domain.identifiers import Instant
from shared.event_store.handle_command import Handler
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime import clock
from shared.runtime.settings import Settings
from shared.suppression.address_hash import AddressHashes
from tests.integration.api.conftest import Client, Ready
from tests.integration.api.signupto.conftest import Signer, ask, speak
from tests.integration.api.signupto.test_audience import refused
from tests.integration.api.test_contact import BEGAN, Sending
from tests.integration.tracker.running_projectors import LIMITS, project_all, settle

HARD, SOFT = "550 5.1.1 no such user", "552 5.2.2 mailbox full"


@pytest.fixture
async def sent(database: Database, store: PostgresEventStore, ready_task: int) -> int:
    """Six recipients: two accepted, three bounced for good or for now, one not handed over."""
    sending = Sending(database, store, ready_task)
    await sending.freeze(6)
    await sending.record(Kind.SUBMITTED, [0, 1, 4])
    await sending.record(Kind.BOUNCED, [2, 4], note=HARD)
    await sending.record(Kind.BOUNCED, [3], note=SOFT)
    await project_all(database)
    return ready_task


async def test_every_recipient_is_a_contact(py: signupto.Client, sent: int) -> None:
    found = await ask(py.contact.get_all, task_id=sent, channel="email", count=2)

    assert [each["subscriber_id"] for each in found] == [1000, 1001, 1002, 1003, 1004, 1005]
    assert found[0] == {"task_id": sent, "subscriber_id": 1000, "channel": "email", "cdate": BEGAN / 1000}
    assert found[5]["cdate"] is None


async def test_contacts_are_narrowed_and_of_one_task(py: signupto.Client, sent: int) -> None:
    [one] = await ask(py.contact.get_all, task_id=sent, subscriber_id=1003)

    assert one["subscriber_id"] == 1003
    assert await ask(py.contact.get_list, task_id=sent, channel="sms") == []
    assert await ask(py.contact.get_list, task_id=sent, subscriber_id=5) == []
    assert await ask(py.contact.get_list, task_id=sent, start=7) == []
    assert (await refused(py.contact.get, channel="email")).status_code == 400
    assert (await refused(py.contact.post, task_id=sent)).status_code == 405


async def test_bounces_are_hard_or_soft_and_say_why(py: signupto.Client, raw: Signer, sent: int) -> None:
    found = await ask(py.bounce.get_all, task_id=sent, channel="email", count=1)
    first = found[0]

    assert [(each["subscriber_id"], each["type"], each["error"]) for each in found] == [
        (1002, "hard", HARD),
        (1003, "soft", SOFT),
        (1004, "hard", HARD),
    ]
    assert first == {
        "id": first["id"],
        "channel": "email",
        "type": "hard",
        "error": HARD,
        "subscriber_id": 1002,
        "email": "p2@example.com",
        "msisdn": None,
        "task_id": sent,
        "cdate": BEGAN / 1000,
    }
    assert (await ask(py.bounce.get, id=first["id"], channel="email")).data == [first]
    assert (await raw.get(f"/v1/bounce/{first['id']}")).answer == first
    assert (await ask(py.bounce.get, task_id=sent, subscriber_id=1003, channel="email")).data == found[1:2]


async def test_what_is_no_bounce_is_not_found(py: signupto.Client, raw: Signer, sent: int) -> None:
    [first, *_] = await ask(py.bounce.get_all, task_id=sent, channel="email")

    async def found(**arguments: Any) -> list[Any]:
        answer: list[Any] = await ask(py.bounce.get_list, **{"channel": "email", **arguments})
        return answer

    assert await found(task_id=sent, channel="sms") == []
    assert await found(id=first["id"], channel="sms") == []
    assert await found(id=first["id"], subscriber_id=1003) == []
    assert await found(id=first["id"] - 1) == []
    assert await found(id=7) == []
    assert await found(task_id=sent, subscriber_id=1000) == []
    assert await found(task_id=sent, start=first["id"] + 3) == []
    assert await found(task_id=sent, start=2**63 - 1) == []
    assert await found(subscriber_id=1) == []
    assert (await raw.get(f"/v1/bounce/{first['id'] + 3}")).status == 404


@pytest.mark.parametrize("given", [{"task_id": 1}, {"channel": "email"}, {"channel": "email", "task_id": 1, "sort": 1}])
async def test_a_channel_and_one_of_three_ids_are_needed(py: signupto.Client, given: dict[str, Any]) -> None:
    assert (await refused(py.bounce.get, **given)).status_code == 400


async def test_a_page_of_bounces_is_a_hundred(
    py: signupto.Client, database: Database, store: PostgresEventStore, ready_task: int
) -> None:
    sending = Sending(database, store, ready_task)
    await sending.freeze(205)
    await sending.record(Kind.BOUNCED, list(range(205)), note=HARD)
    await project_all(database)
    page = await ask(py.bounce.get, task_id=ready_task, channel="email")

    assert (page.count, page.next) == (100, page.data[-1]["id"] + 1)
    assert len({each["id"] for each in await ask(py.bounce.get_all, task_id=ready_task, channel="email")}) == 205


@pytest.mark.parametrize("note", [HARD, SOFT])
async def test_a_subscribers_bounces_are_found_over_his_tasks(
    py: signupto.Client, settings: Settings, database: Database, store: PostgresEventStore, ready_task: int, note: str
) -> None:
    """By what the tracker keeps of a bounce, for good or for now."""
    first, second, _ = await ask(py.subscriber.get_all)
    sending = Sending(database, store, ready_task)
    await sending.freeze(2)
    for ordinal, person in enumerate((first, second)):
        await database.execute(
            "UPDATE contact_record SET subscriber_id = $1, address = $2 WHERE task_id = $3 AND ordinal = $4",
            *(person["id"], person["email"], ready_task, ordinal),
        )
    await sending.record(Kind.BOUNCED, [1], note=note)
    hashes = AddressHashes(settings.secret)
    suppressor = ReturnedSuppressor(hashes, SoftBounceRule(3, 30), lambda: Instant(BEGAN / 1000), clock.random_id)
    handler = Handler(store, clock.now)
    await settle(database, Projector(database, handler, 1, clock.monotonic, Metrics(), LIMITS, suppressor))

    [found] = await ask(py.bounce.get_all, subscriber_id=second["id"], channel="email")

    assert (found["task_id"], found["error"], found["type"]) == (ready_task, note, "hard" if note == HARD else "soft")
    for other in ({"subscriber_id": first["id"]}, {"subscriber_id": second["id"], "start": found["id"] + 1}):
        assert await ask(py.bounce.get_list, channel="email", **other) == []
    assert await ask(py.bounce.get_list, channel="sms", subscriber_id=second["id"]) == []


async def test_another_account_sees_no_contact_and_no_bounce(stranger: Client, py: signupto.Client, sent: int) -> None:
    assert stranger.created is not None
    other = speak(stranger.url, stranger.created)
    [first, *_] = await ask(py.bounce.get_all, task_id=sent, channel="email")

    assert await ask(other.contact.get_list, task_id=sent) == []
    assert await ask(other.bounce.get_list, task_id=sent, channel="email") == []
    assert await ask(other.bounce.get_list, id=first["id"], channel="email") == []


async def test_a_bounce_of_an_sms_is_hard_if_there_is_no_such_number(
    client: Client, py: signupto.Client, database: Database, store: PostgresEventStore, ready: Ready
) -> None:
    """By the word of the gateway's receipt; what the gateway would not take says nothing of the number."""
    text = {"channel": "sms", "name": "T", "sender": "Acme", "body": "Hi"}
    message = (await client.post("/message", text)).json["id"]
    task = (await client.post("/task", ready.task(channel="sms", message_id=message))).json["id"]
    sending = Sending(database, store, task)
    await sending.freeze(5)
    notes = ("receipt undeliverable: absent", "receipt failed", "receipt expired", "receipt unknown", "400 bad text")
    for ordinal, note in enumerate(notes):
        await sending.record(Kind.BOUNCED, [ordinal], note=note)
    await project_all(database)

    found = await ask(py.bounce.get_all, task_id=task, channel="sms")

    assert [(each["type"], each["error"]) for each in found] == list(
        zip(("hard", "hard", "soft", "soft", "soft"), notes, strict=True)
    )
    assert (found[0]["email"], found[0]["channel"]) == (None, "sms")


async def test_who_opened_is_told_by_task_by_subscriber_and_by_id(
    py: signupto.Client, database: Database, store: PostgresEventStore, ready_task: int
) -> None:
    sending = Sending(database, store, ready_task)
    await sending.freeze(5)
    await sending.record(Kind.SUBMITTED, [0, 1, 2, 3, 4])
    await sending.record(Kind.OPENED, [1, 3, 4])
    await project_all(database)

    found = await ask(py.emailOpen.get_all, task_id=ready_task, count=1)

    assert [each["subscriber_id"] for each in found] == [1001, 1003, 1004]
    first = found[0]
    assert first == {
        "id": f"{ready_task}_1001_{BEGAN // 1000}",
        "subscriber_id": 1001,
        "task_id": ready_task,
        "cdate": BEGAN / 1000,
    }
    assert (await ask(py.emailOpen.get, id=first["id"])).data == [first]
    assert await ask(py.emailOpen.get_all, subscriber_id=1001) == [first]
    assert await ask(py.emailOpen.get_all, task_id=ready_task, subscriber_id=1003) == found[1:2]
    for nothing in (
        {"id": f"{ready_task}_1001_5"},
        {"id": first["id"], "subscriber_id": 1003},
        {"task_id": ready_task, "subscriber_id": 1000},
        {"subscriber_id": 1000},
        {"task_id": 999},
    ):
        assert await ask(py.emailOpen.get_list, **nothing) == []
    for given in ({}, {"id": "5"}, {"task_id": 1, "start": "x"}, {"task_id": 1, "sort": "id"}):
        assert (await refused(py.emailOpen.get, **given)).status_code == 400


async def test_what_a_subscriber_opened_is_paged_over_his_tasks(
    client: Client, py: signupto.Client, stranger: Client, database: Database, store: PostgresEventStore, ready: Ready
) -> None:
    tasks = [(await client.post("/task", ready.task())).json["id"] for _ in range(3)]
    for task in tasks:
        sending = Sending(database, store, task)
        await sending.freeze(3)
        await sending.record(Kind.OPENED, [1] if task != tasks[1] else [0])
    await project_all(database)

    found = await ask(py.emailOpen.get_all, subscriber_id=1001, count=1)

    assert [each["task_id"] for each in found] == [tasks[0], tasks[2]]
    assert stranger.created is not None
    assert await ask(speak(stranger.url, stranger.created).emailOpen.get_list, subscriber_id=1001) == []
