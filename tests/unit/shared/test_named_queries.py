"""A file of queries is statements with names, and says so when it is not."""

from pathlib import Path

import pytest

from shared.postgres.named_queries import BadQueryFile, load_queries, parse_queries

REPOSITORY = Path(__file__).resolve().parents[3]
TWO = """-- first_one
-- Why it is so. $1 id
SELECT 1
  FROM event  -- stays
 WHERE id = $1;

-- second_one
SELECT 2;
"""


def test_each_statement_is_found_by_its_name_without_its_comment() -> None:
    assert parse_queries(TWO, "here") == {
        "first_one": "SELECT 1\n  FROM event  -- stays\n WHERE id = $1",
        "second_one": "SELECT 2",
    }


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("SELECT 1;", "expected '-- name'", id="no name"),
        pytest.param("-- Not a name\nSELECT 1;", "expected '-- name'", id="a sentence for a name"),
        pytest.param("-- one\nSELECT 1", "one does not end with a semicolon", id="no end"),
        pytest.param("-- one\nSELECT 1;\n\n-- one\nSELECT 2;", "one is there twice", id="a name twice"),
        pytest.param("-- one", "one does not end with a semicolon", id="no statement"),
        pytest.param("", "expected '-- name'", id="nothing"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_name(text: str, complaint: str) -> None:
    with pytest.raises(BadQueryFile, match=f"^here: {complaint}"):
        parse_queries(text, "here")


def test_what_was_loaded_cannot_be_changed(tmp_path: Path) -> None:
    (tmp_path / "queries.sql").write_text(TWO)

    with pytest.raises(TypeError):
        load_queries(tmp_path / "queries.sql")["first_one"] = "SELECT 3"  # type: ignore[index]  # that is the point


@pytest.mark.parametrize("path", sorted(REPOSITORY.glob("s*/**/queries.sql")), ids=lambda path: path.parent.name)
def test_every_file_of_queries_here_can_be_read(path: Path) -> None:
    assert load_queries(path)
