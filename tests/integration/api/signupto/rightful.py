"""What the operations below ``/v1`` would take as it is, for the test that puts something wrong into it; and what there
is to remove.
"""

import random
from typing import Any

from services.api.dialects.signupto.subscription_id import subscription_id
from services.api.keys import CreatedKey
from services.api.operation import Operation
from shared.domain.delivery import Kind
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from tests.integration.api import exporting, valid_split_tests
from tests.integration.api.called_back import make_windows
from tests.integration.api.conftest import EMAIL_MESSAGE, LATER, Client, Ready
from tests.integration.api.test_contact import Sending
from tests.integration.jobs import rightful as job_calls
from tests.integration.tracker.running_projectors import project_all

TEXT = {"channel": "sms", "name": "T", "sender": "Acme", "body": "Hi"}
LISTS = 30
PERSON = {"email": "a@b.co", "telephone": "+447700900123", "external_id": "e", "vars": {"a": 1}}
OF_PEOPLE: dict[str, list[dict[str, Any]]] = {
    "PUT /list/{list_id}": [{"name": f"Others {number}"} for number in range(9)],
    "PUT /list/{list_id}/subscriber/{subscriber_id}": [
        {**PERSON, "confirmed": True, "ended": None, "optout": "none", "consent": {"at": 1, "text": "yes"}},
        {"optout": "blast", "vars": {"a": None}},
    ],
    "PUT /subscriber/{subscriber_id}": [{**PERSON, "optout": "all"}, {"vars": {"b": 1}}],
}
REMOVABLE = 24  #: of each kind, for operations that remove


async def prepare(
    operation: Operation[Any, Any], client: Client, database: Database, store: PostgresEventStore, task_id: int
) -> None:
    """A second message, of the other channel, which a task waits for; and what some are about."""
    await valid_split_tests.prepare(operation, client)
    await make_windows(operation, database, task_id)
    await _removable(operation, client)
    if operation.path == "/job":
        await job_calls.post_known(client, database)
    await exporting.prepare(operation, client, database)
    if not operation.path.startswith("/v1/"):
        return
    await client.post("/message", TEXT)
    terms = {"channel": "sms", "list_id": 1, "message_id": 2, "name": "T", "scheduledtime": LATER}
    await client.post("/task", terms)
    if "subscription" in operation.path:
        people = [{"email": f"p{number}@example.com"} for number in range(3)]
        for number in range(LISTS):
            made = await client.post("/list", {"name": f"List {number}"})
            if operation.method == "DELETE":
                await client.post(f"/list/{made.json['id']}/subscriber", people)
    if operation.path.startswith(("/v1/contact", "/v1/bounce", "/v1/emailOpen")):
        sending = Sending(database, store, task_id)
        await sending.freeze(3)
        await sending.record(Kind.BOUNCED, [0, 1, 2], note="550 5.1.1 no such user")
        await sending.record(Kind.OPENED, [0, 1, 2])
        await project_all(database)


async def _removable(operation: Operation[Any, Any], client: Client) -> None:
    kind = operation.path.removeprefix("/v1").split("/")[1]
    if kind == "subscriber":
        await client.post("/list/1/subscriber", [{"email": f"r{number}@example.com"} for number in range(REMOVABLE)])
    if operation.method != "DELETE":
        return
    for number in range(REMOVABLE):
        if kind == "list" and "subscriber" not in operation.path:
            await client.post("/list", {"name": f"Removable {number}"})
        if kind in ("message", "emailMessage", "smsMessage"):
            await client.post("/message", TEXT if kind == "smsMessage" else EMAIL_MESSAGE)


def rightful_ids(operation: Operation[Any, Any]) -> list[str]:
    """Of the path."""
    if "{subscription_id}" in operation.path:
        lists = range(1, LISTS + 2) if operation.method == "DELETE" else [1] * 8
        return [str(subscription_id(list_id, person)) for list_id in lists for person in (1, 2, 3)]
    if operation.path.removeprefix("/v1") == "/subscriber/{subscriber_id}":
        return [str(number) for number in range(1, REMOVABLE + 1)]
    of_messages = [str(number) for number in range(2, REMOVABLE)] if operation.method == "DELETE" else ["2"] * 24
    return {
        "/list/{list_id}/subscriber/{subscriber_id}": ["1"] * 24,
        "/v1/bounce/{bounce_id}": [str(2**31)] * 24,
        "/v1/smsMessage/{message_id}": of_messages,
    }.get(operation.path, [])


def rightful_query(operation: Operation[Any, Any], draw: random.Random) -> str:
    """The arguments without which it is refused. Nothing is drawn for an operation that needs none."""
    if (operation.method, operation.path) == ("DELETE", "/v1/subscription"):
        return f"list_id={draw.randrange(LISTS) + 1}&subscriber_id={draw.randrange(3) + 1}"
    if operation.method == "DELETE" and operation.path.startswith("/v1/") and "{" not in operation.path:
        return f"id={draw.randrange(REMOVABLE) + 1}"
    return {
        "GET /v1/subscription": "list_id=1",
        "GET /v1/contact": "task_id=1",
        "GET /v1/bounce": "channel=email&task_id=1",
        "GET /v1/emailOpen": "task_id=1",
        "GET /v1/smsMessage": "id=2",
        "GET /job": job_calls.KNOWN_QUERY,
        "GET /export": f"key={exporting.KEY}",
    }.get(f"{operation.method} {operation.path}", "")


def rightful_bodies(native: dict[str, list[dict[str, Any]]], ready: Ready, created: CreatedKey) -> dict[str, Any]:
    """By method and path. ``native``: the same of the native resources."""
    own = created["signupto"]
    return {
        **OF_PEOPLE,
        "POST /v1/task": native["POST /task"],
        "PUT /v1/task": native["PUT /task"],
        "PUT /v1/task/{task_id}": native["PUT /task/{task_id}"],
        **valid_split_tests.bodies(ready),
        "POST /v1/subscriber": [
            {"list_id": ready.list_id, "email": f"n{number}@b.co", "msisdn": f"4477009010{number}", "firstname": "A"}
            for number in range(10, 99)
        ],
        "PUT /v1/subscriber": [{"id": number, "firstname": "A", "msisdn": ""} for number in range(1, REMOVABLE)],
        "PUT /v1/subscriber/{subscriber_id}": [{"lastname": "A"}, {"firstname": ""}],
        "PUT /v1/list": [{"id": 1, "name": f"L{number}"} for number in range(9)],
        "PUT /v1/list/{list_id}": [{"name": f"L{number}"} for number in range(9)],
        "POST /v1/search": [{"name": "n", "expression": '{"criteria":["valid"]}', "type": "audience"}],
        "PUT /v1/search": [{"id": 1, "name": "n"}, {"id": 1, "expression": "{}"}],
        "PUT /v1/search/{search_id}": [{"name": "n"}, {"expression": "{}", "description": ""}],
        "POST /v1/subscription": [
            {"list_id": list_id, "subscriber_id": person} for list_id in range(2, LISTS + 2) for person in (1, 2, 3)
        ],
        "PUT /v1/subscription": [{"id": subscription_id(1, person), "confirmed": True} for person in (1, 2, 3)],
        "PUT /v1/subscription/{subscription_id}": [{"confirmed": True}],
        "POST /v1/emailMessage": [{"name": "n", "subject": "s", "fromemail": "a@b.co", "text": "t", "html": ""}],
        "PUT /v1/emailMessage": [{"id": 1, "subject": "s", "text": "t"}, {"id": 1, "fromname": "n"}],
        "PUT /v1/emailMessage/{message_id}": [{"subject": "s", "text": "t"}],
        "POST /v1/smsMessage": [{"name": "n", "fromname": "Acme", "message": "m"}],
        "PUT /v1/smsMessage": [{"id": 2, "message": "m", "fromname": "Acme"}],
        "PUT /v1/smsMessage/{message_id}": [{"message": "m"}],
        "POST /v1/token": [{"username": own["username"], "password": own["password"]}],
    }
