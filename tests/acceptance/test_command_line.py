"""The command `postroom` and what it promises to those who script it."""

import json
import subprocess
import sys

import pytest

from services.standalone.list_settings import as_markdown
from shared.runtime.setting_list import SETTINGS
from tests.acceptance.postroom_process import ROOT, clean_environment, run


def test_help_names_every_command() -> None:
    done = run("--help")

    assert done.returncode == 0
    for name in (
        "up",
        "demo",
        "api",
        "dispatcher",
        "tracker",
        "migrate",
        "rebuild",
        "audit",
        "key",
        "settings",
        "--version",
    ):
        assert name in done.stdout


def test_every_setting_is_listed_with_its_default_and_meaning() -> None:
    listed = {row["name"]: row for row in json.loads(run("settings", "--json").stdout)}

    assert list(listed) == [setting.variable for setting in SETTINGS]
    assert listed["POSTROOM_API_PORT"]["default"] == "8080"
    assert all(row["meaning"] for row in listed.values())
    assert set(listed) <= set(run("settings").stdout.split())


def test_the_page_of_settings_is_what_the_code_says() -> None:
    """Written anew by the command that the page itself names."""
    page = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")

    assert page == as_markdown()


@pytest.mark.parametrize(
    ("service", "missing"),
    [
        ("dispatcher", {"DATABASE_URL", "BUS_URL", "SMTP_URL", "SECRET"}),
        ("tracker", {"DATABASE_URL", "BUS_URL", "SECRET"}),
        ("api", {"DATABASE_URL", "BUS_URL", "SECRET"}),
        ("migrate", {"DATABASE_URL"}),
        ("audit", {"DATABASE_URL"}),
    ],
)
def test_all_missing_settings_are_named_at_once(service: str, missing: set[str]) -> None:
    done = run(service)

    assert done.returncode == 2
    assert done.stdout == ""
    assert {line.split()[1] for line in done.stderr.splitlines()} == {f"POSTROOM_{name}" for name in missing}


def test_wrong_settings_are_named_with_the_missing_ones() -> None:
    """One look at stderr is enough to mend everything; a misspelt name is no setting."""
    done = run("migrate", POSTROOM_API_PORT="many", POSTROOM_SECRET="c2hvcnQ=", POSTROOM_API_PROT="1")

    assert done.returncode == 2
    for name in ("POSTROOM_DATABASE_URL", "POSTROOM_API_PORT", "POSTROOM_SECRET", "POSTROOM_API_PROT"):
        assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_is_away_is_a_line_and_no_trace() -> None:
    done = run("migrate", POSTROOM_DATABASE_URL="postgresql://nobody@127.0.0.1:9/none?sslmode=disable")

    assert done.returncode == 1
    assert done.stderr.startswith("postroom: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate",),
        ("up", "--api-port", "70000"),
        ("up", "--fax-url", "http://x"),
        ("rebuild", "--rules", "newest"),
        ("key", "create", "--role", "king"),
    ],
    ids=" ".join,
)
def test_wrong_arguments_end_with_2(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)

    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_asking_for_help_loads_no_service() -> None:
    """What a command needs is imported when it runs."""
    script = "import sys, services.standalone.command_line; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())

    assert not loaded & {"services.api", "services.dispatcher", "services.tracker", "asyncpg", "aiohttp", "pydantic"}


async def test_a_key_is_made_with_all_it_needs_and_again_for_the_same_user(database_url: str) -> None:
    """Account and user are made once; each call makes one more key, on one line of JSON."""
    settings = {
        "POSTROOM_DATABASE_URL": database_url,
        "POSTROOM_SECRET": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    }
    arguments = ("key", "create", "--account", "shop", "--user", "ada", "--role", "admin")

    first, second = (json.loads(run(*arguments, **settings).stdout) for _ in range(2))

    assert set(first) == {"account_id", "user_id", "key", "sailthru_secret", "signupto", "webhook_secret"}
    assert set(first["signupto"]) == {"cid", "uid", "key", "username", "password"}
    assert first.pop("key") != second.pop("key")
    assert first == second


async def test_a_rebuild_is_by_the_newest_rules_or_by_those_asked_for(database_url: str) -> None:
    """A rule set that there is not is refused with those that there are. What each person did is added up anew, too."""
    newest, first, none = (
        run("rebuild", *rules, POSTROOM_DATABASE_URL=database_url) for rules in ((), ("--rules", "0"), ("--rules", "9"))
    )

    assert [done.returncode for done in (newest, first, none)] == [0, 0, 2]
    logs = [{line["action"]: line for line in map(json.loads, done.stderr.splitlines())} for done in (newest, first)]
    assert [log["projection_rebuilt"]["rules"] for log in logs] == [1, 0]
    assert [log["engagement_rebuilt"]["generation"] for log in logs] == [2, 3]
    assert none.stderr == "postroom: there is no rule set 9: 0, 1\n"


async def test_migrating_again_changes_nothing(database_url: str) -> None:
    done = run("migrate", POSTROOM_DATABASE_URL=database_url)

    assert done.returncode == 0
    assert "migrated" not in done.stderr
