"""Each check of the auditor finds what it is there for: every breach is planted, and seen, and nothing else is.

One world, in which everything is as promised and nothing is found. Then each of its tasks is broken in one way.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from services.standalone.audit import audit
from services.standalone.audit.findings import Finding
from services.standalone.audit.run import CHECKS
from tests.integration.auditing.breaches import FIRST_CALLED, PLANTS, TASKS
from tests.integration.auditing.plants import Plant
from tests.integration.auditing.world import world_on
from tests.servers import databases

NUMBERED = list(enumerate(PLANTS, start=1))


@dataclass(frozen=True)
class Found:
    whole: list[Finding]  #: before anything was broken
    broken: list[Finding]


@pytest.fixture(scope="module")
async def found(postgres_url: str, template_database: str) -> AsyncIterator[Found]:
    name = f"{template_database}_audited"
    url = await databases.create(postgres_url, name, template=template_database)
    async with world_on(url, TASKS, FIRST_CALLED) as world:
        whole = await audit(world.owner, deliveries=world.deliveries, received=world.received)
        for number, plant in NUMBERED:
            await plant.plant(world, number)
        yield Found(whole, await audit(world.owner, deliveries=world.deliveries, received=world.received))
    await databases.drop(postgres_url, name)


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
