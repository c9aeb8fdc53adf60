"""``/events`` where a newer version wrote, as after an upgrade that was taken back: nothing is passed over."""

from collections.abc import AsyncIterator

import pytest

from shared.domain.delivery import Kind
from shared.postgres.database import Database
from tests.integration.api.conftest import Client, Ready
from tests.integration.api.test_events import TASK, account_of, read_all
from tests.integration.published_rig import add_sent_task, happened, segment
from tests.integration.settled_commits import wait_for_settled_commits

#: Of one opening and one task: what a newer version might have made of them, and how they are again as they were; who
#: asks for jobs alone is concerned where it may be about them.
NEWER = {
    "kind of segment": ("UPDATE segment SET kind = $1 WHERE kind = $2", (99, 4), 503),
    "published event": ("UPDATE event SET type = $1 WHERE type = $2", ("task.folded", "task.created"), 503),
    "other event": ("UPDATE event SET type = $1 WHERE type = $2", ("digest.made", "task.created"), 503),
    "field": ("UPDATE event SET data = replace(data::text, $2, $1)::jsonb", ('"sizes":', '"size":'), 200),
}


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    """With the rights to change what is written once."""
    owner = await Database.connect(database_url, role=None, connections=1)
    yield owner
    await owner.close()


async def test_nothing_behind_what_cannot_be_read_is_told_before_it(
    client: Client, ready: Ready, database: Database, owner: Database
) -> None:
    """As after an upgrade that was taken back: readers are told so, and go on once it can be read."""
    await add_sent_task(database, TASK, account_of(client), recipients=10)
    for ordinal in range(3):
        await happened(database, segment(TASK, Kind.OPENED, [ordinal]))
    await wait_for_settled_commits(database)
    everything = await read_all(client)
    stored = await owner.fetch("SELECT position, hits FROM segment ORDER BY position")
    await owner.execute("UPDATE segment SET hits = '\\x09' WHERE position = $1", stored[1]["position"])

    first = await client.get("/events")
    again = await client.get(f"/events?after={first.headers['X-Cursor']}")
    assert (first.status, first.json, "Link" in first.headers) == (200, everything[:1], False)
    assert (again.status, "newer Postroom" in again.json["detail"], "Retry-After" in again.headers) == (503, True, True)

    await owner.execute("UPDATE segment SET hits = $2 WHERE position = $1", stored[1]["position"], stored[1]["hits"])
    assert await read_all(client, f"after={first.headers['X-Cursor']}") == everything[1:]


@pytest.mark.parametrize(("statement", "given", "of_jobs"), NEWER.values(), ids=list(NEWER))
async def test_what_this_version_does_not_know_is_not_passed_over(
    client: Client,
    ready: Ready,
    database: Database,
    owner: Database,
    statement: str,
    given: tuple[object, object],
    of_jobs: int,
) -> None:
    """Of either log: the API says that it cannot read on, and does once it is upgraded."""
    await client.post("/task", ready.task())
    await add_sent_task(database, TASK, account_of(client), recipients=10)
    await happened(database, segment(TASK, Kind.OPENED, [1]))
    await wait_for_settled_commits(database)
    everything = await read_all(client)
    await owner.execute(statement, *given)

    target, told = "/events", []
    while (page := await client.get(target)).status == 200:
        told += page.json
        target = f"/events?after={page.headers['X-Cursor']}"
    others = await client.get("/events?type=job.*")
    await owner.execute(statement, *given[::-1])

    assert (page.status, "newer Postroom" in page.json["detail"]) == (503, True)
    assert told == everything[: len(told)]
    assert len(told) < len(everything)
    assert others.status == of_jobs
    assert await read_all(client) == everything
