"""The auditor finds in a log whose small segments became large ones what it found before."""

from services.standalone.audit import audit
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.segments import Hits, Segment
from shared.domain.delivery import Kind
from shared.postgres.database import Database
from tests.integration.auditing.world import PEOPLE, world_on
from tests.integration.tracker.compacting import compact, let_everybody_read, let_it_be_long_ago, rows_of_log
from tests.integration.tracker.running_projectors import project_in_small_rounds

SOUND, BROKEN = 1, 2


def trickled(kind: Kind, task_id: int, *ordinals: int) -> list[Segment]:
    return [
        Segment(task_id, kind, -7, 0, part, Hits.at_once([o], 1_700_000_000_000)) for part, o in enumerate(ordinals)
    ]


async def test_it_finds_what_it_found_before(database_url: str) -> None:
    """Of one task what was heard is sound; of the other somebody opened who was no recipient."""
    async with world_on(database_url, 2, first_called=3) as world:
        log = DeliveryLog(world.owner)
        for segment in trickled(Kind.OPENED, SOUND, 1, 2, 1, 3) + trickled(Kind.CLICKED, BROKEN, 1, 2, PEOPLE):
            await log.append([segment])
        await world.owner.execute("UPDATE projection SET owner = NULL, leased_until = '-infinity'")
        await project_in_small_rounds(world.owner)
        await let_everybody_read(world.owner)
        await let_it_be_long_ago(world.owner)
        database = await Database.connect(database_url)
        before, many = await audit(world.owner), await rows_of_log(database)

        await compact(database)

        left = await rows_of_log(database)
        await database.close()
        assert left == many - 5
        assert await audit(world.owner) == before
        assert {finding.check for finding in before} >= {"hits of recipients"}
