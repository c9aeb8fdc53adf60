"""`postroom import`: a CSV file onto a list, by a job."""

from pathlib import Path

import pytest

from tests.integration.jobs.caller import Caller
from tests.integration.shell import on_terminal, run


async def test_a_csv_file_is_imported(caller: Caller, tmp_path: Path) -> None:
    """A bad line is told by its number and spoils no other, and other columns are vars."""
    people = [f"q{number}@example.com,Ann {number}" for number in range(2_005)]
    people[2_002] = "no address,Ann"
    file = tmp_path / "people.csv"
    file.write_text("\ufeffemail,name\n" + "\n".join(people), encoding="utf-8")

    ended = await run(caller.native, "import", str(file), "--list", "Main")

    assert (ended.code, ended.err) == (1, "")
    assert (ended.json["status"], ended.json["created"], ended.json["rows_failed"]) == ("completed", 2_004, 1)
    assert [error["line"] for error in ended.json["errors"]] == [2_004]
    person = await caller.person("q2004@example.com")
    assert person is not None
    assert person["vars"] == {"name": "Ann 2004"}


async def test_on_a_terminal_a_bar_shows_how_far_it_is(caller: Caller, tmp_path: Path) -> None:
    """And the job is printed below it; all taken, the exit code is 0."""
    file = tmp_path / "people.csv"
    file.write_text("email\nq@example.com\n", encoding="utf-8")

    code, shown = await on_terminal(caller.native, "import", str(file), "--list", "Main")

    assert code == 0
    assert "people.csv" in shown
    assert "/100" in shown
    assert '"created":1' in shown


@pytest.mark.parametrize(
    ("text", "said"),
    [pytest.param(None, "No such file", id="no file"), pytest.param("email\na@example.com\n", "list", id="no list")],
)
async def test_what_cannot_be_imported_is_said(caller: Caller, tmp_path: Path, text: str | None, said: str) -> None:
    """On stderr; nothing is printed and the exit code is 1."""
    file = tmp_path / "people.csv"
    if text is not None:
        file.write_text(text, encoding="utf-8")

    ended = await run(caller.native, "import", str(file), "--list", "")

    assert (ended.code, ended.out) == (1, "")
    assert said in ended.err
