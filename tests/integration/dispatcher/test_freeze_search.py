"""A task to a search: whom it finds when it starts is frozen, each person once, in the database."""

from typing import Any

import pytest

from services.dispatcher.decisions import page_size
from services.dispatcher.planner import freeze_audience
from services.dispatcher.planner.freeze_audience import freeze_one_audience
from services.dispatcher.planner.freeze_search import freeze_search
from services.dispatcher.planner.start_due import start_due_tasks
from services.dispatcher.planner.statements import STATEMENTS
from services.dispatcher.sending.statements import STATEMENTS as SENDING
from shared.domain.identifiers import search_stream
from shared.domain.saved_search import RemoveSearch
from shared.domain.still_needed import StillNeeded
from shared.event_store.handle_command import Handler
from shared.event_store.read_models.saved_search import SEARCHES
from shared.postgres.database import Database, Row
from tests.audience import ACCOUNT, post_task
from tests.searching import change_query, post_search_task, save_search

OWNER, OTHER, TASK = 11, 12, 7
FIRST, SECOND = 10_000_000, 20_000_000  #: where the subscribers of list 1 and list 2 begin
BOTH = {"source_list": ".multiple", "multiple_source_list": ["list 1", "list 2"]}

NOT_ON_2 = {"criteria": ["list_member_not"], "value": ["list 2"]}
PERSON_9 = {"criteria": ["match"], "field": ["name"], "value": ["Person 9"]}


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freeze_audience, "CHUNK_ROWS", 7)
    monkeypatch.setattr(page_size, "FEWEST", 1)
    monkeypatch.setattr(page_size, "MOST", 7)


@pytest.fixture
async def people(database: Database) -> None:
    """Ten on each of two lists, of whom the first three of list 1 are on both; nothing else is due."""
    await post_task(database, 10)
    await post_task(database, 10, number=2)
    await database.execute("UPDATE task SET scheduledtime = 'infinity'")
    await subscribe(database, 2, FIRST, FIRST + 1, FIRST + 2)


async def subscribe(database: Database, list_id: int, *subscribers: int) -> None:
    for subscriber_id in subscribers:
        await database.execute("INSERT INTO subscription VALUES ($1, $2, true, now())", list_id, subscriber_id)


async def start(database: Database, handler: Handler) -> None:
    await start_due_tasks(database, handler)


async def freeze(database: Database, handler: Handler, owner: int = OWNER) -> list[int]:
    """Whom the task goes to, by ordinal."""
    await start(database, handler)
    assert await freeze_one_audience(database, handler, owner)
    return await frozen(database)


async def frozen(database: Database) -> list[int]:
    rows = await database.fetch(
        "SELECT ordinal, subscriber_id FROM contact_record WHERE task_id = $1 ORDER BY ordinal", TASK
    )
    assert [row["ordinal"] for row in rows] == list(range(len(rows))), "without a gap"
    return [row["subscriber_id"] for row in rows]


async def claim(database: Database, owner: int = OWNER) -> Row:
    claimed = await database.fetch_row(STATEMENTS["claim_freezing"], owner, 15.0)
    assert claimed is not None
    return claimed


@pytest.mark.parametrize(
    ("query", "list_id", "found"),
    [
        pytest.param({}, None, [*range(FIRST, FIRST + 10), *range(SECOND, SECOND + 10)], id="everybody"),
        pytest.param({"source_list": "list 1"}, None, [*range(FIRST, FIRST + 10)], id="a source"),
        pytest.param(BOTH, None, [*range(FIRST, FIRST + 10), *range(SECOND, SECOND + 10)], id="nobody twice"),
        pytest.param(BOTH | {"source_list": ".multiple-all"}, None, [*range(FIRST, FIRST + 3)], id="who is on both"),
        pytest.param({}, 2, [*range(FIRST, FIRST + 3), *range(SECOND, SECOND + 10)], id="of one list"),
        pytest.param({"source_list": "list 1"}, 2, [*range(FIRST, FIRST + 3)], id="of one list, with a source"),
        pytest.param({"source_list": "list 1", **NOT_ON_2}, None, [*range(FIRST + 3, FIRST + 10)], id="a condition"),
        pytest.param(PERSON_9, None, [FIRST + 9, SECOND + 9], id="one of each"),
        pytest.param({"criteria": ["exists"], "field": ["none"]}, None, [], id="nobody"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("people")
async def test_whom_it_finds(
    database: Database, handler: Handler, query: dict[str, Any], list_id: int | None, found: list[int]
) -> None:
    await save_search(database, query, list_id=list_id)
    await post_search_task(database, number=TASK)

    assert await freeze(database, handler) == found
    task = await database.fetch_row("SELECT recipients, excluded FROM task WHERE id = $1", TASK)
    assert task is not None
    assert (task["recipients"], task["excluded"]) == (len(found), {})


@pytest.mark.usefixtures("people")
async def test_who_cannot_be_written_to_is_not_found(database: Database, handler: Handler) -> None:
    """Opted out, suppressed, on no list any more, unconfirmed on all, without an address: as for a list."""
    await database.execute("UPDATE subscriber SET optout = 'blast' WHERE id = $1", FIRST)
    await database.execute("UPDATE subscriber SET email = NULL, telephone = '+4477009' WHERE id = $1", FIRST + 1)
    await database.execute(
        """INSERT INTO suppression (account_id, channel, hash, address, subscriber_id, reason, source, cdate)
           SELECT 1, 'email', 'x', email, id, 'complaint', 'test', now() FROM subscriber WHERE id = $1""",
        FIRST + 2,
    )
    await database.execute("UPDATE subscription SET ended_at = now() WHERE subscriber_id = $1", FIRST + 3)
    await database.execute("UPDATE subscription SET confirmed = false WHERE subscriber_id = $1", FIRST + 4)
    await save_search(database, {})
    await post_search_task(database, number=TASK)

    assert await freeze(database, handler) == [*range(FIRST + 5, FIRST + 10), *range(SECOND, SECOND + 10)]


@pytest.mark.usefixtures("people")
async def test_it_asks_when_the_task_starts(database: Database, handler: Handler) -> None:
    """Not when it was posted: neither the people of then nor the search of then."""
    await save_search(database, {"source_list": "list 1"})
    await post_search_task(database, number=TASK)
    await change_query(database, {"source_list": "list 2"})
    await subscribe(database, 2, FIRST + 3)

    assert await freeze(database, handler) == [*range(FIRST, FIRST + 4), *range(SECOND, SECOND + 10)]


@pytest.mark.usefixtures("people")
async def test_whoever_goes_on_asks_the_same(database: Database, handler: Handler) -> None:
    """The query, its moment and its lists are settled, whatever became of the search and the names since."""
    await save_search(database, {"source_list": "list 1", "criteria": ["signup_before"], "value": ["+1 second"]})
    await post_search_task(database, number=TASK)
    await start(database, handler)
    claimed = await claim(database)
    at = claimed["audience"]["at"]
    await freeze_one_page(database, claimed)
    assert await frozen(database) == list(range(FIRST, FIRST + 7))
    await change_query(database, {"source_list": "list 2"})
    await database.execute("UPDATE list SET name = 'other ' || name")
    await subscribe(database, 1, SECOND)
    await database.execute(
        "UPDATE subscription SET signup_at = to_timestamp($1) + interval '2 seconds' WHERE subscriber_id IN ($2, $3)",
        at, FIRST + 8, SECOND,
    )  # fmt: skip
    await database.execute("UPDATE sending SET leased_until = '-infinity'")

    assert await freeze_one_audience(database, handler, OTHER)

    assert await frozen(database) == [*range(FIRST, FIRST + 8), FIRST + 9]
    await freeze_search(database, claimed, 7, 15.0)
    assert len(await frozen(database)) == 9, "the one that stalled may write nothing any more"


async def freeze_one_page(database: Database, claimed: Row) -> None:
    """As a planner that died after its first page."""
    pages = 0

    class Died(Exception):
        pass

    class Dying(Database):
        def transaction(self) -> Any:
            nonlocal pages
            pages += 1
            if pages > 1:
                raise Died
            return super().transaction()

    with pytest.raises(Died):
        await freeze_search(Dying(database._pool), claimed, 7, 15.0)


@pytest.mark.usefixtures("people")
async def test_a_search_that_is_removed_at_the_last_moment_is_asked_all_the_same(
    database: Database, handler: Handler
) -> None:
    """The task was posted while it was there."""
    await save_search(database, {"source_list": "list 1"})
    await post_search_task(database, number=TASK)
    await handler.handle(SEARCHES, search_stream(1), RemoveSearch(StillNeeded()), ACCOUNT)

    assert await freeze(database, handler) == list(range(FIRST, FIRST + 10))


@pytest.mark.usefixtures("people")
async def test_a_list_that_is_gone_has_nobody(database: Database, handler: Handler) -> None:
    await save_search(database, {"source_list": "never was"})
    await post_search_task(database, number=TASK)

    assert await freeze(database, handler) == []


@pytest.mark.usefixtures("people")
async def test_a_search_of_another_account_finds_nobody(database: Database, handler: Handler) -> None:
    """Wherever the number came from."""
    await save_search(database, {"source_list": "list 1"})
    await database.execute("UPDATE saved_search SET account_id = 2")
    await post_search_task(database, number=TASK)

    assert await freeze(database, handler) == []


@pytest.mark.usefixtures("people")
async def test_people_of_another_account_are_never_found(database: Database, handler: Handler) -> None:
    await database.execute("UPDATE subscriber SET account_id = 2 WHERE id >= $1", SECOND)
    await save_search(database, {})
    await post_search_task(database, number=TASK)

    assert await freeze(database, handler) == list(range(FIRST, FIRST + 10))


@pytest.mark.usefixtures("people")
async def test_cancelled_while_it_freezes_it_ends_with_who_was_written_down(
    database: Database, handler: Handler
) -> None:
    await save_search(database, {})
    await post_search_task(database, number=TASK)
    await start(database, handler)
    await freeze_one_page(database, await claim(database))
    await database.execute("UPDATE task SET cancelled = true WHERE id = $1", TASK)
    await database.execute("UPDATE sending SET leased_until = '-infinity'")

    assert await freeze_one_audience(database, handler, OTHER)

    assert await frozen(database) == list(range(FIRST, FIRST + 7))


async def handed_over(database: Database) -> dict[int, str | None]:
    """Why not, by subscriber."""
    people = await frozen(database)
    rows = await database.fetch(SENDING["recipients_of_batch"], TASK, list(range(len(people))), None)
    return {people[row["ordinal"]]: row["suppressed"] for row in rows if row["suppressed"]}


@pytest.mark.usefixtures("people")
async def test_at_hand_over_who_left_meanwhile_is_left_out(database: Database, handler: Handler) -> None:
    """Who opted out, and who is on none of the lists any more; one of them is enough to stay."""
    await save_search(database, BOTH)
    await post_search_task(database, number=TASK)
    await freeze(database, handler)
    assert await handed_over(database) == {}

    await database.execute("UPDATE subscription SET ended_at = now() WHERE list_id = 1")
    await database.execute("UPDATE subscriber SET optout = 'blast' WHERE id = $1", FIRST)

    unsubscribed = dict.fromkeys(range(FIRST + 3, FIRST + 10), "unsubscribed")
    assert await handed_over(database) == {FIRST: "opted out", **unsubscribed}


@pytest.mark.usefixtures("people")
async def test_a_search_without_lists_reaches_whoever_is_on_any(database: Database, handler: Handler) -> None:
    await save_search(database, {})
    await post_search_task(database, number=TASK)
    await freeze(database, handler)

    await database.execute("UPDATE subscription SET ended_at = now() WHERE list_id = 2")

    assert await handed_over(database) == dict.fromkeys(range(SECOND, SECOND + 10), "unsubscribed")


@pytest.mark.parametrize(
    ("query", "why"),
    [
        pytest.param({"source_list": "list 1"}, {FIRST + 3: "manual on 2026-11-20"}, id="over that list alone"),
        pytest.param(BOTH, {FIRST + 3: "suppressed for every list that reaches him"}, id="over others as well"),
        pytest.param({}, {FIRST + 3: "suppressed for every list that reaches him"}, id="over all there are"),
    ],
)
@pytest.mark.usefixtures("people")
async def test_the_reasons_of_a_list_are_those_of_a_search_over_it(
    database: Database, handler: Handler, query: dict[str, Any], why: dict[int, str]
) -> None:
    """At the freeze and at hand-over alike."""
    await save_search(database, query)
    await post_search_task(database, number=TASK)
    before = await freeze(database, handler)
    await database.execute(
        """INSERT INTO suppression (account_id, channel, hash, address, subscriber_id, list_id, reason, source, cdate)
           SELECT 1, 'email', 'x', email, id, 1, 'manual', 'test', '2026-11-20' FROM subscriber WHERE id = $1""",
        FIRST + 3,
    )

    assert await handed_over(database) == why
    await database.execute("DELETE FROM contact_record")
    await database.execute("UPDATE sending SET frozen = false, last_subscriber_id = 0, next_ordinal = 0")
    await freeze_search(database, await claim(database), 7, 15.0)
    assert [each for each in before if each not in await frozen(database)] == list(why)
