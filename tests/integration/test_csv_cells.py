"""The rule for cells that a spreadsheet would run is the same in the database and in Python."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.csv_lines import neutral
from shared.postgres.database import Database

words = st.text(st.sampled_from("=+-@\t\r\n＝＋－＠'0123456789 aé,\"|"), max_size=6)
texts = st.one_of(words, st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=6))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url)
    yield database
    await database.close()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(texts, min_size=1, max_size=20))
async def test_a_cell_is_written_alike(database: Database, cells: list[str]) -> None:
    rows = await database.fetch("SELECT csv_cell(cell) AS told FROM unnest($1::text[]) AS cell", cells)

    assert [row["told"] for row in rows] == [neutral(cell) for cell in cells]


async def test_a_date_is_written_as_in_every_answer_of_a_job(database: Database) -> None:
    """In whatever time zone it was said, and in English wherever the database runs."""
    told = await database.fetch_value("SELECT rfc2822('2012-05-20 13:50:28.9-04'::timestamptz)")

    assert told == "Sun, 20 May 2012 17:50:28 +0000"
