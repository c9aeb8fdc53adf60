"""Each index that the write path pays for has a read that needs it: docs/reference/indexes.md says which."""

import re
from pathlib import Path

from shared.postgres.database import Database
from tests.data_plane import named_queries, partitioned_tables

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/indexes.md"

#: Whether it must be listed: all that are no key; and the keys of tables with a row per batch or event.
INDEXES = """
SELECT index.relname AS name, parent.relname AS of, indisunique AS is_key,
       pg_get_indexdef(index.oid, 1, true) AS first_column
  FROM pg_index
  JOIN pg_class AS index ON index.oid = indexrelid
  JOIN pg_class AS parent ON parent.oid = indrelid
 WHERE parent.relnamespace = 'public'::regnamespace AND NOT index.relispartition"""


def listed() -> dict[str, tuple[str, str]]:
    """The table and the read by the name of the index."""
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| `([^`]+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: (table, read) for name, table, read in rows}


async def test_every_index_is_listed_with_a_read_that_asks_by_it(database_url: str) -> None:
    """By its table and its first column; that a plan takes it is for the benches to show."""
    queries, per_batch, page = named_queries(), partitioned_tables() | {"event"}, listed()
    database = await Database.connect(database_url, role=None, connections=1)
    indexes = {row["name"]: row for row in await database.fetch(INDEXES)}
    await database.close()

    wanted = {name for name, row in indexes.items() if row["of"] in per_batch or not row["is_key"]}
    assert wanted - page.keys() == set()
    assert page.keys() - indexes.keys() == set()
    assert {name: table for name, (table, _) in page.items() if indexes[name]["of"] != table} == {}
    for name, (table, read) in page.items():
        words = re.findall(r"\w+", queries[read])
        assert table in words, f"{read} does not read {table}"
        column = re.sub(r"^(lower|COALESCE)\(|[,)].*", "", indexes[name]["first_column"])
        assert column in words or "{" in queries[read], f"{read} does not ask by {column}, as {name} does"
