"""Migrations expand: the code of the version before still runs on what they leave, as it does during every rollout."""

import re
from pathlib import Path
from typing import Final

import pytest

MIGRATIONS: Final = Path(__file__).parents[3] / "deploy/migrations"
FIRST: Final = 32  #: those before it were never run beside code of another version

#: Says that nothing reads it any more, and since when: `-- contracts: task.old_name, not read since 0.3.0`.
CONTRACTS: Final = re.compile(r"^-- contracts: \S+, not read since \d+\.\d+\.\d+$", re.MULTILINE)

_TABLE: Final = r"(?:TABLE|MATERIALIZED VIEW|VIEW)\s+(?:IF EXISTS\s+)?(?:ONLY\s+)?(?P<table>[a-z_0-9.]+)"
_ALTER: Final = rf"\bALTER\s+{_TABLE}\b[^;]*?"
_NO_DEFAULT: Final = r"(?:(?!\bDEFAULT\b|\bGENERATED\b)[^,;])*"
_NO_COLUMN: Final = r"(?!CONSTRAINT|CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE)"
#: What the version before would stumble over, by what it does to it.
FORBIDDEN: Final = {
    "takes a table away": rf"\bDROP\s+{_TABLE}",
    "empties a table": r"\bTRUNCATE\s+(?:TABLE\s+)?(?P<table>[a-z_0-9.]+)",
    "renames": rf"{_ALTER}\bRENAME\b",
    "takes a column away": (rf"{_ALTER}\bDROP\s+(?:COLUMN\s+)?(?!CONSTRAINT|NOT|DEFAULT|EXPRESSION|IDENTITY)[a-z_]"),
    "gives a column another type": rf"{_ALTER}\bALTER\s+(?:COLUMN\s+)?[a-z_0-9]+\s+(?:SET\s+DATA\s+)?TYPE\b",
    "demands a value that nobody wrote before": rf"{_ALTER}\bSET\s+NOT\s+NULL\b",
    "adds a column without which nobody can insert": (
        rf"{_ALTER}\bADD\s+(?:COLUMN\s+)?(?:IF NOT EXISTS\s+)?{_NO_COLUMN}"
        rf"[a-z_0-9]+\s+{_NO_DEFAULT}\bNOT\s+NULL\b{_NO_DEFAULT}(?=[,;]|$)"
    ),
    "adds a rule that what is written may break": (rf"{_ALTER}\bADD\s+(?:CONSTRAINT|CHECK|UNIQUE|FOREIGN|EXCLUDE)\b"),
    "takes a function away": (
        r"\bDROP\s+(?:FUNCTION|PROCEDURE|AGGREGATE|TYPE|SEQUENCE|TRIGGER|ROLE)\s+(?:IF EXISTS\s+)?"
        r"(?P<table>[a-z_0-9.]+)"
    ),
    "forbids what was permitted": r"\bREVOKE\b[^;]*?\bON\s+(?P<table>[a-z_0-9.]+)",
    "removes rows": r"\bDELETE\s+FROM\s+(?P<table>[a-z_0-9.]+)",
}
_BODY: Final = re.compile(
    r"\bAS\s+\$(\w*)\$.*?\$\1\$", re.IGNORECASE | re.DOTALL
)  #: of a function: run later, by who asks
_MADE: Final = re.compile(r"\bCREATE\s+(?:UNLOGGED\s+)?TABLE\s+(?:IF NOT EXISTS\s+)?([a-z_0-9.]+)", re.IGNORECASE)


def faults(statements: str) -> set[str]:
    """What it does that the version before cannot bear; nothing counts on a table that the file itself makes."""
    if CONTRACTS.search(statements):
        return set()
    bare = _BODY.sub("", re.sub(r"--[^\n]*", "", statements))
    made = set(_MADE.findall(bare))
    return {
        what
        for what, pattern in FORBIDDEN.items()
        for found in re.finditer(pattern, bare, re.IGNORECASE)
        if found["table"] not in made
    }


@pytest.mark.parametrize(
    "path", [pytest.param(p, id=p.stem) for p in sorted(MIGRATIONS.glob("[0-9]*.sql")) if int(p.name[:4]) >= FIRST]
)
def test_a_migration_leaves_the_version_before_running(path: Path) -> None:
    """What is no longer used goes one version later, in a file that says so."""
    assert faults(path.read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DROP TABLE task;", "takes a table away"),
        ("drop view if exists seen;", "takes a table away"),
        ("TRUNCATE event;", "empties a table"),
        ("ALTER TABLE task RENAME COLUMN rate TO pace;", "renames"),
        ("ALTER TABLE task RENAME TO send;", "renames"),
        ("ALTER TABLE task\n    ADD COLUMN a integer,\n    DROP COLUMN rate;", "takes a column away"),
        ("ALTER TABLE task DROP rate;", "takes a column away"),
        ("ALTER TABLE task ALTER COLUMN rate TYPE text;", "gives a column another type"),
        ("ALTER TABLE task ALTER rate SET DATA TYPE text;", "gives a column another type"),
        ("ALTER TABLE task ALTER COLUMN rate SET NOT NULL;", "demands a value that nobody wrote before"),
        ("ALTER TABLE task ADD COLUMN a text NOT NULL;", "adds a column without which nobody can insert"),
        (
            "ALTER TABLE task ADD a integer DEFAULT 1, ADD b text NOT NULL;",
            "adds a column without which nobody can insert",
        ),
        ("ALTER TABLE task ADD CONSTRAINT one CHECK (rate > 0);", "adds a rule that what is written may break"),
        ("DROP FUNCTION rests(sending);", "takes a function away"),
        ("REVOKE UPDATE ON task FROM postroom_service;", "forbids what was permitted"),
        ("DELETE FROM task WHERE completed;", "removes rows"),
    ],
)
def test_what_breaks_the_version_before_is_refused(statement: str, what: str) -> None:
    assert what in faults(f"-- a comment\n{statement}\n")


@pytest.mark.parametrize(
    "statements",
    [
        "ALTER TABLE task ADD COLUMN a text, ADD COLUMN b timestamptz NOT NULL DEFAULT now();",
        "CREATE TABLE fresh (a integer);\nALTER TABLE fresh ADD CONSTRAINT one CHECK (a > 0);\nDROP TABLE fresh;",
        "ALTER TABLE task ALTER COLUMN rate DROP NOT NULL;\nALTER TABLE task DROP CONSTRAINT task_check;",
        "CREATE OR REPLACE FUNCTION forget() RETURNS void LANGUAGE sql AS $$ DELETE FROM event $$;",
        "-- DROP TABLE task;",
        "-- contracts: task.rate, not read since 0.2.0\nALTER TABLE task DROP COLUMN rate;",
    ],
    ids=["new columns", "of its own table", "loosened", "a function anew", "a comment", "said so"],
)
def test_what_it_can_bear_is_none(statements: str) -> None:
    assert faults(statements) == set()
