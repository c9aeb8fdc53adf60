"""Each check of the auditor finds what it is there for: every breach is planted, and seen, and nothing else is.

One world, in which everything is as promised and nothing is found. Then each of its tasks is broken in one way.
"""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from services.standalone.audit import audit
from services.standalone.audit.findings import Finding
from services.standalone.audit.run import CHECKS
from tests.acceptance.postroom_process import run
from tests.integration.auditing.breaches import FIRST_CALLED, PLANTS, TASKS
from tests.integration.auditing.plants import Plant
from tests.integration.auditing.world import PEOPLE, world_on
from tests.servers import databases

NUMBERED = list(enumerate(PLANTS, start=1))


@dataclass(frozen=True)
class Found:
    whole: list[Finding]  #: before anything was broken
    broken: list[Finding]
    told_whole: "subprocess.CompletedProcess[str]"  #: what the command says of it
    told_broken: "subprocess.CompletedProcess[str]"
    told_as_json: "subprocess.CompletedProcess[str]"


@pytest.fixture(scope="module")
async def found(postgres_url: str, template_database: str) -> AsyncIterator[Found]:
    name = f"{template_database}_audited"
    url = await databases.create(postgres_url, name, template=template_database)
    async with world_on(url, TASKS, FIRST_CALLED) as world:
        whole = await audit(world.owner, deliveries=world.deliveries, received=world.received)
        told_whole = await command(url)
        for number, plant in NUMBERED:
            await plant.plant(world, number)
        broken = await audit(world.owner, deliveries=world.deliveries, received=world.received)
        yield Found(whole, broken, told_whole, await command(url), await command(url, "--json"))
    await databases.drop(postgres_url, name)


async def command(url: str, *options: str) -> "subprocess.CompletedProcess[str]":
    return await asyncio.to_thread(run, "audit", *options, POSTROOM_DATABASE_URL=url, COLUMNS="200")


def test_where_everything_is_as_promised_nothing_is_found(found: Found) -> None:
    assert list(map(str, found.whole)) == []


@pytest.mark.parametrize(
    ("number", "plant"), [pytest.param(n, plant, id=f"{plant.check} {n}") for n, plant in NUMBERED]
)
def test_what_is_planted_is_seen(found: Found, number: int, plant: Plant) -> None:
    """By the check that is meant to, at the very place and so often."""
    subject = plant.subject.format(number)
    counts = [each.count for each in found.broken if (each.check, each.subject) == (plant.check, subject)]

    assert counts == [plant.count], "\n".join(map(str, found.broken))


def test_nothing_is_seen_but_what_is_planted(found: Found) -> None:
    expected = {
        (check, subject)
        for number, plant in NUMBERED
        for check in (plant.check, *plant.also)
        for subject in (plant.subject.format(number), f"task {number}", f"job {number}", "account 1")
    }

    assert [str(each) for each in found.broken if (each.check, each.subject) not in expected] == []


def test_each_check_has_a_breach_that_it_must_see() -> None:
    assert {check.name for check in CHECKS} == {plant.check for plant in PLANTS}


def test_no_two_checks_have_the_same_name() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_the_command_says_that_nothing_was_found(found: Found) -> None:
    """And which checks it could not make, as nobody counted outside."""
    lines = found.told_whole.stdout.splitlines()

    assert (found.told_whole.returncode, lines[-1]) == (0, f"{TASKS * PEOPLE:,} recipients: nothing found")
    (line,) = [line for line in lines if "nobody forgotten" in line]
    assert [cell.strip() for cell in line.split("│")[3:6]] == ["yes", str(TASKS), "0"]
    (line,) = [line for line in lines if "notices once" in line]
    assert [cell.strip() for cell in line.split("│")[3:6]] == ["-", "0", "0"]


def test_the_command_names_what_is_broken_by_task_and_ordinal(found: Found) -> None:
    told = found.told_broken.stdout

    assert found.told_broken.returncode == 1
    assert "✗ I6 task 4: are in the log and not in the audience: 2 (10, 11)" in told
    assert "@" not in told


def test_as_json_it_is_one_document(found: Found) -> None:
    told = json.loads(found.told_as_json.stdout)

    assert found.told_as_json.returncode == 1
    assert [check["check"] for check in told["checks"]] == [check.name for check in CHECKS]
    assert {check["looked_at"] for check in told["checks"] if check["check"] == "one end"} == {TASKS}
    hits = {"check": "hits of recipients", "invariant": "I6", "subject": "task 4", "count": 2, "ordinals": [10, 11]}
    (found_hits,) = [each for each in told["findings"] if each["check"] == "hits of recipients"]
    assert found_hits == {**hits, "said": "are in the log and not in the audience"}
