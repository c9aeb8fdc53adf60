"""Puts a list with subscribers, a message and a task into a database, for tests that begin where those exist."""

from dataclasses import dataclass
from typing import Any

from shared.domain.identifiers import AccountId, Channel, Instant, ListId, MessageId, TaskId, UserId, task_stream
from shared.domain.message import CreateMessage
from shared.domain.task import CreateTask, InDoubtPolicy
from shared.event_store.handle_command import Done, Handler
from shared.event_store.interface import Actor
from shared.event_store.on_postgres import PostgresEventStore
from shared.event_store.read_models.message import MESSAGES
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Database
from shared.runtime import clock

ACCOUNT = Actor(1, 1)
CONTENT: dict[str, Any] = {
    "subject": 'Hello {{ vars.name | default("you") }}',
    "from_name": "The tests",
    "from_email": "tests@sender.example",
    "reply_to": None,
    "html": '<p>Hello {{ vars.name }}: <a href="https://example.com/offer">offer</a></p>',
    "text": "Hello {{ vars.name }}: https://example.com/offer {{ unsubscribe_url }}",
    "track_opens": True,
    "track_clicks": True,
    "class": "marketing",
}

TEXT: dict[str, Any] = {
    "sender": "Acme",
    "body": 'Hello {{ vars.name | default("you") }}: {{ unsubscribe_url }}',
    "class": "marketing",
}

SUBSCRIBERS = """
WITH added AS (
    INSERT INTO subscriber (id, account_id, email, telephone, vars, cdate)
    SELECT $1 * 10000000 + n, 1, CASE WHEN $3 = 'email' THEN 'person-' || $1 || '-' || n || '@example.com' END,
           CASE WHEN $3 = 'sms' THEN '+4477' || ($1 * 10000000 + n) END,
           jsonb_build_object('name', 'Person ' || n), now()
      FROM generate_series(0, $2 - 1) AS n
    RETURNING id
)
INSERT INTO subscription (list_id, subscriber_id, confirmed, signup_at) SELECT $1, id, true, now() FROM added"""


@dataclass(frozen=True, slots=True)
class Posted:
    task_id: int
    list_id: int
    message_id: int
    size: int


async def post_task(
    database: Database,
    size: int,
    *,
    number: int = 1,
    rate: int | None = None,
    in_doubt: InDoubtPolicy = "resend",
    channel: Channel = "email",
    message_class: str = "marketing",
    content: dict[str, Any] | None = None,
    due_in: float | None = None,
) -> Posted:
    """A due task to ``size`` subscribers of a list of their own; ``number`` names list, message and task. ``content``
    changes what the message says. ``due_in``: seconds from now.
    """
    await database.execute(
        "INSERT INTO list (id, account_id, name, version, cdate) VALUES ($1, 1, $2, 1, now())", number, f"list {number}"
    )
    await database.execute(SUBSCRIBERS, number, size, channel)
    handler = Handler(PostgresEventStore(database), clock.now)
    message = _message(number, channel, {"class": message_class, **(content or {})})
    assert isinstance(await handler.handle(MESSAGES, f"message-{number}", message, ACCOUNT, fresh=True), Done)
    task = CreateTask(
        task_id=TaskId(number),
        account_id=AccountId(1),
        user_id=UserId(1),
        channel=channel,
        name=f"task {number}",
        message_id=MessageId(number),
        message_channel=channel,
        list_id=ListId(number),
        search_id=None,
        target_known=True,
        rate=rate,
        in_doubt=in_doubt,
        scheduledtime=Instant(0.0 if due_in is None else clock.now() + due_in),
        size=size,
    )
    assert isinstance(await handler.handle(TASKS, task_stream(number), task, ACCOUNT, fresh=True), Done)
    return Posted(number, number, number, size)


def _message(number: int, channel: Channel, changes: dict[str, Any]) -> CreateMessage:
    content, links = (CONTENT, ("https://example.com/offer",)) if channel == "email" else (TEXT, ())
    return CreateMessage(MessageId(number), AccountId(1), UserId(1), channel, "message", {**content, **changes}, links)
