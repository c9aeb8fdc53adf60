"""Who may be written to: the count of a new task, the freeze of its audience and the hand-over say the same."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from services.api.resources.task.read import QUERIES
from services.dispatcher.planner.freeze_audience import freeze_one_audience
from services.dispatcher.planner.start_due import start_due_tasks
from services.dispatcher.sending.read_recipients import read_recipients
from services.dispatcher.sending.statements import STATEMENTS
from shared.domain.identifiers import AccountId, Instant, ListId, MessageId, TaskId, UserId, task_stream
from shared.domain.suppression import Reason
from shared.domain.task import CreateTask
from shared.event_store.handle_command import Done, Handler
from shared.event_store.on_postgres import PostgresEventStore
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Database
from shared.runtime import clock
from shared.suppression.address_hash import AddressHashes
from shared.suppression.record import NewSuppression, suppress_in
from tests.audience import ACCOUNT, post_task

HASHES = AddressHashes([bytes(range(32))])
HELD, OTHER_LIST, OWNER = 10000000, 2, 11
ADDRESS = "person-1-0@example.com"
ON_20TH = Instant(1_795_132_800.0)  # 2026-11-20


@dataclass(frozen=True)
class Case:
    """What happens to the first of three subscribers. ``told``: by the contact record; None: he is written to."""

    told: str | None
    message_class: str = "marketing"
    statement: str | None = None
    suppression: dict[str, Any] | None = None


def suppressed(told: str | None, reason: Reason, message_class: str = "marketing", **given: Any) -> Case:
    return Case(told, message_class, suppression={"reason": reason, **given})


def opted_out(how: str, told: str | None, message_class: str) -> Case:
    return Case(told, message_class, f"UPDATE subscriber SET optout = '{how}' WHERE id = {HELD}")


CASES = {
    "nothing": Case(None),
    "blast and marketing": opted_out("blast", "opted out", "marketing"),
    "blast and service": opted_out("blast", None, "service"),
    "basic and marketing": opted_out("basic", "opted out", "marketing"),
    "basic and service": opted_out("basic", None, "service"),
    "all and marketing": opted_out("all", "opted out", "marketing"),
    "all and service": opted_out("all", "opted out", "service"),
    "subscription ended": Case(
        "unsubscribed", statement=f"UPDATE subscription SET ended_at = now() WHERE subscriber_id = {HELD}"
    ),
    "hard bounce": suppressed("hard bounce on 2026-11-20: 5.1.1 no user", "hard_bounce", detail="5.1.1 no user"),
    "hard bounce and service": suppressed("hard bounce on 2026-11-20", "hard_bounce", "service"),
    "soft bounces": suppressed("soft bounces on 2026-11-20: 3 in 30 days", "soft_bounces", detail="3 in 30 days"),
    "complaint": suppressed("complaint on 2026-11-20", "complaint"),
    "by hand": suppressed("manual on 2026-11-20", "manual"),
    "unsubscribed from this list": suppressed("unsubscribed", "unsubscribed", list_id=1),
    "unsubscribed from another list": suppressed(None, "unsubscribed", list_id=OTHER_LIST),
    "complaint of this list": suppressed("complaint on 2026-11-20", "complaint", list_id=1),
    "complaint of another list": suppressed(None, "complaint", list_id=OTHER_LIST),
    "opt-out recorded": suppressed("opted out", "opted_out"),
    "opt-out of marketing recorded": suppressed("opted out", "opted_out", marketing_only=True),
    "opt-out of marketing recorded, and service": suppressed(None, "opted_out", "service", marketing_only=True),
    "opt-out of everything recorded, and service": suppressed("opted out", "opted_out", "service"),
    "the telephone": suppressed(None, "manual", channel="sms", address="+491700000001"),
    "an address he gave up": suppressed(None, "hard_bounce", address="former@example.com", subscriber_id=HELD),
    "another spelling of it": suppressed("complaint on 2026-11-20", "complaint", address=ADDRESS.upper()),
    "the same in another account": suppressed(None, "complaint", account_id=2),
}  # fmt: skip


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    connected = await Database.connect(database_url)
    yield connected
    await connected.close()


async def suppress(database: Database, **given: Any) -> None:
    wanted = NewSuppression(**{"account_id": 1, "channel": "email", "address": ADDRESS, "source": "test", **given})
    async with database.transaction() as connection:
        await suppress_in(connection, HASHES, [wanted], ON_20TH, str(clock.random_id()))


async def count(database: Database) -> int:
    """As POST /task counts ``size``."""
    [row] = await database.fetch(QUERIES["what_a_new_task_needs"], 1, 1, None, 1, "email")
    size: int = row["size"]
    return size


async def freeze(database: Database, task_id: int) -> int:
    """Starts and freezes one more task to the same list."""
    handler = Handler(PostgresEventStore(database), clock.now)
    task = CreateTask(
        task_id=TaskId(task_id),
        account_id=AccountId(1),
        user_id=UserId(1),
        channel="email",
        name="again",
        message_id=MessageId(1),
        message_channel="email",
        list_id=ListId(1),
        search_id=None,
        target_known=True,
        rate=None,
        in_doubt="resend",
        scheduledtime=Instant(0.0),
        size=await count(database),
    )
    assert isinstance(await handler.handle(TASKS, task_stream(task_id), task, ACCOUNT, fresh=True), Done)
    return await freeze_posted(database, task_id)


async def freeze_posted(database: Database, task_id: int) -> int:
    handler = Handler(PostgresEventStore(database), clock.now)
    await start_due_tasks(database, handler)
    assert await freeze_one_audience(database, handler, OWNER)
    recipients: int = await database.fetch_value("SELECT recipients FROM task WHERE id = $1", task_id)
    return recipients


async def handed_over(database: Database) -> dict[int, str | None]:
    rows = await database.fetch(STATEMENTS["recipients_of_batch"], 1, [0, 1, 2], 1)
    assert [row["ordinal"] for row in rows] == [0, 1, 2], "each once, whatever the number of reasons"
    return {row["ordinal"]: row["suppressed"] for row in rows}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_the_same_are_counted_frozen_and_handed_over(database: Database, case: Case) -> None:
    """By the opt-out and the class of the message, the list, and the address written to; the others are as ever."""
    await post_task(database, 3, message_class=case.message_class)
    assert await freeze_posted(database, 1) == 3
    if case.statement:
        await database.execute(case.statement)
    if case.suppression:
        await suppress(database, **case.suppression)
    mailable = 3 if case.told is None else 2

    assert await count(database) == mailable
    assert await freeze(database, 2) == mailable
    assert await handed_over(database) == {0: case.told, 1: None, 2: None}


async def test_of_several_reasons_one_is_told(database: Database) -> None:
    """The oldest; and one who is suppressed twice is one recipient."""
    await post_task(database, 3)
    assert await freeze_posted(database, 1) == 3
    await suppress(database, reason="complaint")
    await suppress(database, reason="manual", list_id=1)
    await database.execute("UPDATE suppression SET cdate = cdate - interval '1 day' WHERE reason = 'manual'")

    assert (await handed_over(database))[0] == "manual on 2026-11-19"
    assert await freeze(database, 2) == 2


@pytest.mark.parametrize("owner", [None, 77], ids=["nobody's", "somebody else's"])
async def test_an_address_given_up_after_the_freeze_is_suppressed_all_the_same(
    database: Database, owner: int | None
) -> None:
    """It is the one written to, and what stands against it is tied to whoever has it now; the new one is not asked."""
    await post_task(database, 3)
    assert await freeze_posted(database, 1) == 3
    await database.execute(f"UPDATE subscriber SET email = 'new@example.com' WHERE id = {HELD}")
    if owner:
        await database.execute(
            "INSERT INTO subscriber (id, account_id, email, cdate) VALUES ($1, 1, $2, now())", owner, ADDRESS
        )
    await suppress(database, reason="manual", address="new@example.com")
    await suppress(database, reason="complaint", account_id=2)
    before = await handed_over(database)
    await suppress(database, reason="complaint", address=ADDRESS.upper())

    assert before == {0: None, 1: None, 2: None}
    assert await handed_over(database) == {0: "complaint on 2026-11-20", 1: None, 2: None}


async def test_a_search_knows_the_reasons_of_the_account_and_of_the_lists_that_reach(database: Database) -> None:
    await post_task(database, 3)
    assert await freeze_posted(database, 1) == 3
    await suppress(database, reason="unsubscribed", list_id=1)
    await suppress(database, reason="complaint", address="person-1-1@example.com")
    rows = await database.fetch(STATEMENTS["recipients_of_batch"], 1, [0, 1, 2], None)

    every = "suppressed for every list that reaches him"
    assert [row["suppressed"] for row in rows] == [every, "complaint on 2026-11-20", None]


async def test_an_audience_is_its_size_and_who_joined_without_who_left(database: Database) -> None:
    """Counted by reason: whom the count held and who left since. Who was not counted has not left."""
    await post_task(database, 10)
    await database.execute("UPDATE task SET cdate = now() - interval '1 hour'")
    await database.execute("UPDATE subscription SET signup_at = now() - interval '2 hours'")
    long_ago, lately = "now() - interval '90 minutes'", "now() - interval '10 minutes'"

    async def hold(number: int, reason: Reason, since: str, list_id: int | None = None) -> None:
        await suppress(database, reason=reason, address=f"person-1-{number}@example.com", list_id=list_id)
        await database.execute(f"UPDATE suppression SET cdate = {since} WHERE subscriber_id = {HELD + number}")

    await hold(0, "hard_bounce", lately)
    await hold(1, "complaint", long_ago)
    await hold(2, "unsubscribed", lately, list_id=1)
    await hold(3, "opted_out", lately)
    await database.execute(f"UPDATE subscription SET ended_at = {lately} WHERE subscriber_id = {HELD} + 4")
    await database.execute(f"UPDATE subscription SET ended_at = {long_ago} WHERE subscriber_id = {HELD} + 5")
    await database.execute(f"UPDATE subscriber SET optout = 'all' WHERE id = {HELD} + 6")
    await database.execute(f"UPDATE subscriber SET optout_at = {long_ago} WHERE id = {HELD} + 6")
    await database.execute(f"UPDATE subscriber SET optout = 'blast' WHERE id = {HELD} + 7")
    await database.execute(f"UPDATE subscription SET signup_at = now() WHERE subscriber_id = {HELD} + 8")
    counted = 6  # all but 1, 5, 6, and 8, who joined
    recipients = await freeze_posted(database, 1)
    excluded = await database.fetch_value("SELECT excluded FROM task WHERE id = 1")

    assert excluded == {"unsubscribed": 2, "opted_out": 2, "suppressed": 1}
    assert recipients == 2 == counted + 1 - sum(excluded.values())


async def test_one_plan_by_index_is_made_for_all_batches(database: Database) -> None:
    """A task just started is in no statistics: a plan for its very values would be made each time anew."""
    await post_task(database, 3)
    assert await freeze_posted(database, 1) == 3
    for _ in range(3):
        assert [row["ordinal"] for row in await read_recipients(database, 1, [0, 1, 2], 1)] == [0, 1, 2]

    plans = await database.fetch_row(
        "SELECT sum(generic_plans)::integer AS for_all, sum(custom_plans)::integer AS for_one"
        " FROM pg_prepared_statements WHERE statement = $1",
        STATEMENTS["recipients_of_batch"],
    )
    assert plans is not None
    assert plans["for_all"] == 3
    assert plans["for_one"] == 0


async def test_the_one_plan_reads_no_list_as_a_whole(database: Database) -> None:
    """It was made while the list was short, and serves when it is long: everybody is looked up by himself."""
    await post_task(database, 3)
    assert await freeze_posted(database, 1) == 3

    async with database.transaction() as connection:
        await connection.execute(STATEMENTS["plan_once"])
        await connection.execute(f"PREPARE once (bigint, integer[], bigint) AS {STATEMENTS['recipients_of_batch']}")
        plan = "\n".join(row[0] for row in await connection.fetch("EXPLAIN EXECUTE once (1, '{0,1,2}', 1)"))
        await connection.execute("DEALLOCATE once")

    assert "subscription" in plan
    assert not {"Materialize", "Hash", "Index Cond: (list_id = $3)"} & {
        line.strip(" ->").split("  ")[0] for line in plan.split("\n")
    }
