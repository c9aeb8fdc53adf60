"""Puts a list, messages and a split test into a database, for tests that begin where those exist."""

from collections import Counter
from typing import Any

from shared.domain.identifiers import AccountId, Instant, ListId, MessageId, SplitTestId, UserId, splittest_stream
from shared.domain.message import CreateMessage
from shared.domain.split_test import ChangeSplitTest, Command, CreateSplitTest, SplitTest
from shared.domain.split_test_terms import KnownMessage, Terms
from shared.event_store.handle_command import Done, Handler
from shared.event_store.on_postgres import PostgresEventStore
from shared.event_store.read_models.message import MESSAGES
from shared.event_store.read_models.split_test import SPLIT_TESTS, follow
from shared.postgres.database import Database, Row
from shared.runtime import clock
from tests.audience import ACCOUNT, CONTENT, SUBSCRIBERS

VARIANTS = 3


async def post_splittest(database: Database, size: int, **terms: Any) -> int:
    """The id of a due one to a list of ``size`` people; its messages are 1 to 3. ``terms`` are others than these."""
    handler = Handler(PostgresEventStore(database), clock.now)
    await _prepare(database, handler, size)
    rate, test_id = terms.pop("rate", None), 1
    given = {
        "name": "Which one",
        "message_ids": tuple(map(MessageId, range(1, VARIANTS + 1))),
        "list_id": ListId(1),
        "search_id": None,
        "criterion": "open",
        "action": "targetwinner",
        "delay": 0.0,
        "segmenttype": "percentage",
        "segmentvalue": 30,
        "tie": "first",
        "scheduledtime": Instant(0.0),
        **terms,
    }
    command = CreateSplitTest(
        splittest_id=SplitTestId(test_id),
        account_id=AccountId(1),
        user_id=UserId(1),
        terms=Terms(**given),
        rate=rate,
        in_doubt="resend",
        size=size,
        known={number: KnownMessage("email", tracks_opens=True, tracks_clicks=True) for number in (1, 2, 3)},
        target_known=True,
    )
    await carry_out(handler, command, test_id)
    return test_id


async def _prepare(database: Database, handler: Handler, size: int) -> None:
    await database.execute("INSERT INTO list (id, account_id, name, version, cdate) VALUES (1, 1, 'All', 1, now())")
    await database.execute(SUBSCRIBERS, 1, size, "email")
    for number in range(1, VARIANTS + 1):
        content = {**CONTENT, "subject": f"Subject {number}"}
        links = ("https://example.com/offer",)
        message = CreateMessage(
            MessageId(number), AccountId(1), UserId(1), "email", f"message {number}", content, links
        )
        assert isinstance(await handler.handle(MESSAGES, f"message-{number}", message, ACCOUNT, fresh=True), Done)


async def carry_out(handler: Handler, command: Command, test_id: int = 1) -> SplitTest:
    done = await handler.handle(SPLIT_TESTS, splittest_stream(test_id), command, ACCOUNT, then=follow)
    assert isinstance(done, Done), done
    return done.state


async def change(handler: Handler, **said: Any) -> SplitTest:
    aside = {name: said.pop(name) for name in ("cancelled", "winner_message_id") if name in said}
    return await carry_out(handler, ChangeSplitTest(wanted=said, **aside))


async def row_of(database: Database, test_id: int = 1) -> Row:
    row = await database.fetch_row("SELECT * FROM splittest WHERE id = $1", test_id)
    assert row is not None
    return row


async def people_by_task(database: Database) -> dict[int, list[int]]:
    """Who was written down for each of its tasks, in the order of their numbers, which have no gap."""
    rows = await database.fetch(
        """SELECT task.id, ordinal, subscriber_id
             FROM task
             LEFT JOIN contact_record ON contact_record.task_id = task.id
            WHERE splittest_id = 1
            ORDER BY task.id, ordinal"""
    )
    people: dict[int, list[int]] = {row["id"]: [] for row in rows}
    for row in rows:
        if row["ordinal"] is not None:
            assert row["ordinal"] == len(people[row["id"]])
            people[row["id"]].append(row["subscriber_id"])
    return people


def times_each(people: dict[int, list[int]]) -> Counter[int]:
    return Counter(person for task in people.values() for person in task)
