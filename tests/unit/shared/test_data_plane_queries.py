"""Every query of the data plane filters by shard or task, so that a database distributed by task can answer it."""

import re
from pathlib import Path

import pytest

from tests.data_plane import named_queries, partitioned_tables, scopes, unfiltered

TABLES = frozenset({"segment", "batch", "sending"})
SCALE = Path(__file__).resolve().parents[3] / "docs/scale.md"


def exceptions() -> dict[str, str]:
    """The queries that docs/scale.md excepts, with the reasons it gives."""
    section = SCALE.read_text(encoding="utf-8").partition("## Queries that look across tasks")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", section, re.MULTILINE))


def test_every_query_filters_by_shard_or_task_but_those_with_a_reason() -> None:
    """All named queries of the code; docs/scale.md lists the others, each with why and how it stays cheap."""
    tables = partitioned_tables()
    found = {name for name, statement in named_queries().items() if unfiltered(statement, tables)}

    assert found == exceptions().keys()
    assert [name for name, reason in exceptions().items() if len(reason.split()) < 5] == []


def test_the_tables_of_the_data_plane_are_found_in_the_migrations() -> None:
    assert partitioned_tables() >= {"batch", "contact_record", "hit_series", "ordinal_set", "segment", "sending"}


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 FROM segment WHERE task_id = $1",
        "SELECT 1 FROM segment WHERE segment.shard = ANY ($1::smallint[])",
        "SELECT 1 FROM unnest($1::bigint[]) AS wanted (task_id) JOIN segment ON segment.task_id = wanted.task_id",
        "SELECT 1 FROM unnest($1::bigint[]) AS wanted (task_id) JOIN segment USING (task_id)",
        "SELECT 1 FROM batch JOIN sending ON sending.task_id = batch.task_id WHERE sending.task_id = $1",
        "SELECT 1 FROM task JOIN sending ON sending.task_id = task.id WHERE task.id = ANY ($1::bigint[])",
        "SELECT (SELECT 1 FROM sending WHERE task_id = task.id) FROM task",
        "INSERT INTO segment (shard, task_id, kind) SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::smallint[])",
        "WITH mine AS (SELECT 1 FROM batch WHERE task_id = $1) UPDATE batch SET size = 1 FROM mine WHERE task_id = $1",
        "DELETE FROM batch USING unnest($1::bigint[]) AS dead (task_id) WHERE batch.task_id = dead.task_id",
    ],
)
def test_what_is_reached_from_a_value_is_filtered(statement: str) -> None:
    assert unfiltered(statement, TABLES) == set()


@pytest.mark.parametrize(
    ("statement", "adrift"),
    [
        ("SELECT 1 FROM segment", {"segment"}),
        ("SELECT 1 FROM segment WHERE task_id > $1", {"segment"}),
        ("SELECT 1 FROM batch WHERE owner = $1", {"batch"}),
        ("SELECT 1 FROM batch JOIN sending ON sending.task_id = batch.task_id", {"batch", "sending"}),
        ("SELECT 1 FROM task JOIN sending ON sending.task_id = task.id WHERE account_id = $1", {"sending"}),
        ("SELECT 1 FROM projection JOIN segment ON segment.shard = projection.shard AND live", {"segment"}),
        ("WITH due AS (SELECT 1 FROM batch) UPDATE sending SET frozen = true FROM due WHERE task_id = $1", {"batch"}),
        ("SELECT 1 FROM batch WHERE task_id = $1 UNION SELECT 1 FROM segment WHERE kind = $2", {"segment"}),
        ("UPDATE sending SET owner = NULL", {"sending"}),
        ("DELETE FROM segment WHERE kind = $1", {"segment"}),
    ],
)  # fmt: skip
def test_what_nothing_reaches_is_told(statement: str, adrift: set[str]) -> None:
    assert unfiltered(statement, TABLES) == adrift


def test_inner_queries_are_judged_by_themselves() -> None:
    assert scopes("SELECT a FROM (SELECT b FROM c UNION ALL SELECT d FROM e) AS f") == [
        "SELECT b FROM c ",
        " SELECT d FROM e",
        "SELECT a FROM ( ) AS f",
    ]
