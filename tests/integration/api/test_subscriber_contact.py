"""What was sent to one person over all tasks, and how he is found in an audience without an index by person."""

from shared.postgres.database import Database
from tests.integration.api.conftest import Client, Clients
from tests.integration.api.test_erasure import freeze, post_task, prepare

RECORDS = """
INSERT INTO contact_record (shard, task_id, ordinal, subscriber_id, address)
SELECT 0, $1, n, 10 + 2 * n, 'a' FROM generate_series(0, $2::integer - 1) AS n"""
ASKED = """
SELECT wanted, ordinal_of_subscriber($1, wanted) AS ordinal
  FROM generate_series(9::bigint, 2 * $2::bigint + 11) AS wanted"""


async def test_what_was_sent_to_a_person_is_told_by_task(client: Client, clients: Clients, database: Database) -> None:
    """Of the tasks that the caller may see, page by page."""
    canary = await prepare(client)
    tasks = [await post_task(client), await post_task(client, "sms"), await post_task(client)]
    for task in tasks:
        await freeze(database, task)
    path = f"/subscriber/{canary}/contact"

    whole = await client.get(path)
    first = await client.get(f"{path}?count=2")
    link = first.headers["Link"].split(";")[0].strip("<>")

    assert [each["task_id"] for each in whole.json] == tasks
    assert {each["subscriber_id"] for each in whole.json} == {canary}
    assert [each.get("email") or each["telephone"] for each in whole.json] == [
        *("Canary.Bird@nest.example", "+447700900777", "Canary.Bird@nest.example"),
    ]
    assert first.json + (await client.get(link)).json == whole.json
    assert whole.headers["X-Total-Count"] == "3"
    assert (await client.get("/subscriber/999/contact")).status == 404
    member = await clients.make(user="mia", role="member")
    other = await clients.make(account="other", user="otto")
    assert (await member.get(path)).json == []
    assert (await other.get(path)).status == 404


async def test_everybody_is_found_in_an_audience_of_any_size_and_nobody_else(database: Database) -> None:
    for task, size in enumerate((0, 1, 2, 3, 64, 333), start=1):
        await database.execute(RECORDS, task, size)
        rows = await database.fetch(ASKED, task, size)
        found = {row["wanted"]: row["ordinal"] for row in rows if row["ordinal"] is not None}

        assert found == {10 + 2 * ordinal: ordinal for ordinal in range(size)}


async def test_where_numbers_are_missing_he_is_found_all_the_same(database: Database) -> None:
    await database.execute(RECORDS, 1, 9)
    await database.execute("DELETE FROM contact_record WHERE ordinal IN (4, 6)")

    assert [row["ordinal"] for row in await database.fetch(ASKED, 1, 9) if row["ordinal"] is not None] == [
        *(0, 1, 2, 3, 5, 7, 8),
    ]
