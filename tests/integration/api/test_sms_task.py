"""A task of the channel SMS, as the API shows it."""

import csv
import io

import pytest

from shared.domain.delivery import Kind
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from tests.integration.api.conftest import Client, Ready
from tests.integration.api.test_contact import Sending
from tests.integration.tracker.running_projectors import project_all

OF_EMAIL = ("bounces", "clicks", "opens", "unsubscriptions", "complaints")


@pytest.fixture
async def texting(client: Client, ready: Ready, database: Database, store: PostgresEventStore) -> Sending:
    """Three recipients: one delivered, one bounced by receipt, one bounced at hand-over; each told several times."""
    message = await client.post("/message", {"channel": "sms", "name": "T", "sender": "Acme", "body": "Hi"})
    task = await client.post("/task", ready.task(channel="sms", message_id=message.json["id"]))
    sending = Sending(database, store, task.json["id"])
    await sending.freeze(3)
    await database.execute("UPDATE contact_record SET address = '+44770090010' || ordinal")
    await sending.record(Kind.SUBMITTED, [0, 1])
    await sending.record(Kind.DELIVERED, [0, 0])
    await sending.record(Kind.BOUNCED, [1, 1, 1], note="receipt expired")
    await sending.record(Kind.BOUNCED, [2], note="422 no such number")
    await project_all(database)
    return sending


async def test_its_bounces_are_counted_and_the_figures_of_mail_are_null(client: Client, texting: Sending) -> None:
    for task in ((await client.get(f"/task/{texting.task_id}")).json, (await client.get("/task?channel=sms")).json[0]):
        assert task["smsuniquebounces"] == 2
        assert [task[f"emailunique{name}"] for name in OF_EMAIL] == [None] * 5


async def test_its_contact_records_name_telephones(client: Client, texting: Sending) -> None:
    path = f"/task/{texting.task_id}/contact"
    records = (await client.get(path)).json
    rows = list(csv.DictReader(io.StringIO((await client.get(path, headers={"Accept": "text/csv"})).data.decode())))

    assert [record["telephone"] for record in records] == [row["telephone"] for row in rows]
    assert [(record["telephone"], record["state"], record["reason"]) for record in records] == [
        ("+447700900100", "accepted", None),
        ("+447700900101", "bounced", "receipt expired"),
        ("+447700900102", "bounced", "422 no such number"),
    ]
    assert not any("email" in record for record in [*records, *rows])


async def test_its_report_adds_up(client: Client, texting: Sending) -> None:
    report = (await client.get(f"/task/{texting.task_id}/report")).json

    assert (report["states"]["accepted"], report["states"]["bounced"], report["audience"]) == (1, 2, 3)
    assert {name: report["unique"][name] for name in ("submitted", "delivered", "bounced")} == {
        "submitted": 2,
        "delivered": 1,
        "bounced": 2,
    }
    assert report["links"] == []


async def test_its_size_counts_who_has_a_telephone(client: Client, ready: Ready) -> None:
    await client.post(
        f"/list/{ready.list_id}/subscriber", [{"email": "only@example.com"}, {"telephone": "+447700900555"}]
    )
    message = await client.post("/message", {"channel": "sms", "name": "T", "sender": "Acme", "body": "Hi"})
    task = await client.post("/task", ready.task(channel="sms", message_id=message.json["id"]))

    assert task.json["size"] == 4
