"""What a recipient takes in the database, and that old partitions and new ones are read alike."""

from collections.abc import AsyncIterator

import pytest

from shared.postgres.database import Database

MOST_BYTES = 120  #: a recipient with his index, of an address with 26 letters
PEOPLE = 20_000
_RECIPIENTS = """
INSERT INTO contact_record (shard, task_id, ordinal, subscriber_id, address)
SELECT 1, $1::bigint, n, n + 1, 'person' || lpad(n::text, 8, '0') || '@example.com'
  FROM generate_series(0, $2::integer - 1) AS n"""
_BYTES = """
SELECT sum(pg_total_relation_size(inhrelid))::bigint
  FROM pg_inherits
 WHERE inhparent = 'contact_record'::regclass"""
_AS_BEFORE = (
    "ALTER TABLE contact_record DETACH PARTITION contact_record_0",
    "DROP TABLE contact_record_0",
    "CREATE TABLE contact_record_0 PARTITION OF contact_record FOR VALUES FROM (0) TO (100000)",
)


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    owner = await Database.connect(database_url, role=None, connections=1)
    yield owner
    await owner.close()


async def test_a_recipient_takes_no_more_than_was_promised(owner: Database) -> None:
    empty = await owner.fetch_value(_BYTES)

    await owner.execute(_RECIPIENTS, 1, PEOPLE)

    assert (await owner.fetch_value(_BYTES) - empty) / PEOPLE <= MOST_BYTES


async def test_partitions_with_their_columns_in_another_order_are_one_table(owner: Database) -> None:
    """One that was made by a version before, and one of now."""
    for statement in _AS_BEFORE:
        await owner.execute(statement)
    for task_id in (1, 100_001):
        await owner.fetch("SELECT ensure_task_partitions($1)", task_id)
        await owner.execute(_RECIPIENTS, task_id, 3)

    rows = await owner.fetch("SELECT * FROM contact_record ORDER BY task_id, ordinal")

    assert [tuple(row) for row in rows] == [
        (1, task_id, n, n + 1, f"person{n:08}@example.com") for task_id in (1, 100_001) for n in range(3)
    ]
    orders = await owner.fetch(
        "SELECT array_agg(attname::text ORDER BY attnum) AS columns FROM pg_attribute "
        "WHERE attrelid IN ('contact_record_0'::regclass, 'contact_record_100000'::regclass) AND attnum > 0 "
        "GROUP BY attrelid ORDER BY attrelid::regclass::text"
    )
    assert [row["columns"][-2:] for row in orders] == [["subscriber_id", "address"], ["shard", "address"]]
