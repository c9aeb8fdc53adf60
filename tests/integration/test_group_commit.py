"""Writers of one process share commits, and nobody pays for it with his order, another's error or an endless wait."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest

from shared.domain.message import MessageEdited
from shared.event_store.interface import Actor, Append, StreamAppend, Write
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Contended, Database, DatabaseError, Unavailable
from shared.postgres.group_commit import TRIES, GroupCommit
from shared.runtime.time_limit import TimeLimit


class Commits:
    """A commit that stores in a list, and waits or fails as told."""

    def __init__(self) -> None:
        self.tried: list[list[str]] = []
        self.stored: list[str] = []
        self.may_go = asyncio.Event()
        self.may_go.set()
        self.errors: dict[str, list[Exception]] = {}  #: of each item, one for each time

    async def commit(self, group: Sequence[str]) -> None:
        self.tried.append(list(group))
        await self.may_go.wait()
        for item in group:
            if self.errors.get(item):
                raise self.errors[item].pop()
        self.stored += group


async def submit_all(group: GroupCommit[str], items: str) -> list[BaseException | None]:
    return await asyncio.gather(*(group.submit(item) for item in items), return_exceptions=True)


async def test_what_arrives_during_a_commit_shares_the_next_in_the_order_of_arrival() -> None:
    commits = Commits()
    group = GroupCommit(commits.commit)
    commits.may_go.clear()
    first = asyncio.create_task(group.submit("a"))
    await until(lambda: commits.tried == [["a"]])
    rest = asyncio.create_task(submit_all(group, "bcd"))
    await asyncio.sleep(0)
    commits.may_go.set()

    await asyncio.gather(first, rest)

    assert commits.tried == [["a"], ["b", "c", "d"]]


async def test_who_waits_too_long_is_told_so_and_takes_nothing_from_the_others() -> None:
    """Whether his item is stored he does not know; it is."""
    commits = Commits()
    group = GroupCommit(commits.commit)
    commits.may_go.clear()
    first = asyncio.create_task(group.submit("a"))
    await until(lambda: commits.tried == [["a"]])

    with pytest.raises(TimeoutError):
        await group.submit("b", TimeLimit(0.02))
    patient = asyncio.create_task(group.submit("c", TimeLimit(3600.0)))
    await asyncio.sleep(0)
    commits.may_go.set()
    await asyncio.gather(first, patient)

    assert commits.stored == ["a", "b", "c"]


async def test_no_group_is_larger_than_the_limit() -> None:
    commits = Commits()

    await submit_all(GroupCommit(commits.commit, limit=3), "abcdefgh")

    assert commits.tried == [["a", "b", "c"], ["d", "e", "f"], ["g", "h"]]


async def test_one_that_fails_is_told_alone_and_found_by_halving() -> None:
    commits = Commits()
    commits.errors = {"e": [DatabaseError("no")] * 9}

    outcomes = await submit_all(GroupCommit(commits.commit), "abcdefghijklmnop")

    assert [str(outcome) for outcome in outcomes if outcome] == ["no"]
    assert str(outcomes[4]) == "no"
    assert commits.stored == list("abcdfghijklmnop")
    assert len(commits.tried) == 1 + 2 * 4, "a group of 16 is halved four times"


async def test_when_postgres_is_lost_all_are_told_and_none_is_tried_again() -> None:
    """The commit may have taken place: trying again could do it twice."""
    commits = Commits()
    commits.errors = {"b": [Unavailable("gone")]}
    group = GroupCommit(commits.commit)

    outcomes = await submit_all(group, "abc")

    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 3
    assert commits.tried == [["a", "b", "c"]]
    await group.submit("d")
    assert commits.stored == ["d"]


async def test_a_group_rolled_back_for_somebody_else_is_stored_after_all() -> None:
    commits = Commits()
    commits.errors = {"b": [Contended("deadlock"), Contended("deadlock")]}

    assert await submit_all(GroupCommit(commits.commit), "abc") == [None] * 3

    assert commits.tried == [["a", "b", "c"]] * 3


async def test_contention_without_end_ends_with_an_error() -> None:
    commits = Commits()
    commits.errors = {"a": [Contended("deadlock")] * 99}

    with pytest.raises(Contended):
        await GroupCommit(commits.commit).submit("a")

    assert len(commits.tried) == TRIES


async def test_a_caller_that_gives_up_takes_nobody_with_it() -> None:
    commits = Commits()
    group = GroupCommit(commits.commit)
    commits.may_go.clear()
    impatient, patient = asyncio.create_task(group.submit("a")), asyncio.create_task(group.submit("b"))
    await until(lambda: bool(commits.tried))
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    commits.may_go.set()

    await patient

    await group.submit("c")
    assert commits.stored == ["a", "b", "c"]


async def test_nobody_waits_for_ever_when_the_work_itself_is_cancelled() -> None:
    commits = Commits()
    group = GroupCommit(commits.commit, limit=1)
    commits.may_go.clear()
    before = asyncio.all_tasks()
    callers = [asyncio.create_task(group.submit(item)) for item in "ab"]
    await until(lambda: bool(commits.tried))
    [worker] = asyncio.all_tasks() - before - set(callers)
    worker.cancel()

    outcomes = await asyncio.wait_for(asyncio.gather(*callers, return_exceptions=True), 5)

    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 2
    commits.may_go.set()
    await group.submit("c")
    assert commits.stored == ["c"]


# On Postgres.


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url)
    yield database
    await database.close()


@pytest.fixture
async def onlooker(database_url: str) -> AsyncIterator[Database]:
    """Somebody with connections of his own and every permission."""
    onlooker = await Database.connect(database_url, role=None, connections=2)
    await onlooker.execute("CREATE TABLE gauge (id integer PRIMARY KEY, level integer NOT NULL DEFAULT 0)")
    await onlooker.execute("INSERT INTO gauge SELECT generate_series(1, 2)")
    await onlooker.execute("GRANT ALL ON gauge TO postroom_service")
    yield onlooker
    await onlooker.close()


def one_more(gauge: int) -> Write:
    return Write("UPDATE gauge SET level = level + 1 WHERE id = $1", (gauge,))


def edit(stream: str, expected_version: int, *writes: Write) -> Append:
    return Append((StreamAppend(stream, expected_version, [MessageEdited("a", {}, ())], Actor(1)),), writes)


async def waiting_for_a_lock(onlooker: Database) -> list[int]:
    rows = await onlooker.fetch(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return [row["pid"] for row in rows]


async def test_a_connection_lost_during_a_commit_is_told_to_all_and_the_next_is_stored(
    database: Database, onlooker: Database
) -> None:
    store = PostgresEventStore(database)
    async with onlooker.transaction() as holder:
        await holder.execute("SELECT FROM gauge WHERE id = 1 FOR UPDATE")
        lost = [asyncio.create_task(store.append(edit(f"lost-{n}", 0, one_more(1)))) for n in range(3)]
        [pid] = await until_async(lambda: waiting_for_a_lock(onlooker))
        await onlooker.execute("SELECT pg_terminate_backend($1)", pid)
        outcomes = await asyncio.wait_for(asyncio.gather(*lost, return_exceptions=True), 20)

    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 3
    await store.append(edit("next-1", 0, one_more(1)))
    assert await store.read_stream("lost-0") == []
    assert await onlooker.fetch_value("SELECT level FROM gauge WHERE id = 1") == 1


async def test_a_deadlock_with_another_process_is_nobodys_error(database: Database, onlooker: Database) -> None:
    """The append waits first, so it is the one that Postgres finds in a circle and rolls back."""
    store = PostgresEventStore(database)
    async with onlooker.transaction() as other:
        await other.execute("SET LOCAL deadlock_timeout = '20s'")
        await other.execute("UPDATE gauge SET level = level + 1 WHERE id = 2")
        append = asyncio.create_task(store.append(edit("task-1", 0, one_more(1), one_more(2))))
        await until_async(lambda: waiting_for_a_lock(onlooker))
        await other.execute("UPDATE gauge SET level = level + 1 WHERE id = 1")

    await append

    assert [row["level"] for row in await onlooker.fetch("SELECT level FROM gauge ORDER BY id")] == [2, 2]
    assert len(await store.read_stream("task-1")) == 1


async def test_one_stream_several_times_in_one_group_is_stored_one_after_the_other(database: Database) -> None:
    store = PostgresEventStore(database)
    busy = asyncio.create_task(store.append(edit("other-1", 0)))
    await asyncio.sleep(0)

    await asyncio.gather(busy, *(store.append(edit("task-1", version)) for version in range(6)))

    assert [event.version for event in await store.read_stream("task-1")] == [1, 2, 3, 4, 5, 6]


async def test_groups_of_two_processes_at_the_same_streams_agree_on_one_winner_each(database_url: str) -> None:
    """In opposite orders, so that they would wait in a circle if a group did not sort its own."""
    databases = [await Database.connect(database_url, connections=2) for _ in range(2)]
    stores = [PostgresEventStore(database) for database in databases]
    appends = [
        store.append(edit(f"task-{number}", 0))
        for store, order in zip(stores, (range(40), range(39, -1, -1)), strict=True)
        for number in order
    ]

    outcomes = await asyncio.gather(*appends, return_exceptions=True)

    assert sum(outcome is None for outcome in outcomes) == 40
    assert await databases[0].fetch_value("SELECT count(DISTINCT stream) FROM event") == 40
    assert await databases[0].fetch_value("SELECT count(*) FROM event") == 40
    for database in databases:
        await database.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


async def until_async(condition: Callable[[], Awaitable[list[int]]]) -> list[int]:
    async with asyncio.timeout(10):
        while not (found := await condition()):
            await asyncio.sleep(0.01)
    return found
