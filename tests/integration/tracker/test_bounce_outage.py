"""When Postgres is away, bounces of tasks that are known are journalled; none is answered that is not stored."""

import asyncio
from pathlib import Path

from structlog.testing import capture_logs

from services.tracker.intake.bounce_port import BouncePort
from shared.delivery_log.ordinal_sets import read_sets
from shared.domain.delivery import Kind
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database, Unavailable
from shared.postgres.migrate import migrate
from tests.integration.tracker.readers import RECIPIENTS, TASK, is_drained, reading
from tests.integration.tracker.relays import Hello, address, bounce_port, mail, relay
from tests.integration.tracker.running_projectors import all_projected, eventually, project_all
from tests.integration.tracker.sent_tasks import create_message, send_task
from tests.integration.tracker.test_outage import CUT_ALL_OTHERS
from tests.servers.backends import Server

UNKNOWN_TASK = 999


async def test_without_postgres_bounces_are_journalled(private_postgres: Server, tmp_path: Path) -> None:
    """250 by both protocols, and counted once later; a recipient whose task is not known is told to come again."""
    await migrate(private_postgres.url)
    database = await Database.connect(private_postgres.url)
    with capture_logs():  # the loops say every second what is wrong
        async with reading(database, private_postgres.url, tmp_path) as reader:
            url, to = reader.tracker.bounces.url, [address(n, keys=reader.keys) for n in (1, 2)]
            stranger = address(1, task=UNKNOWN_TASK, keys=reader.keys)
            async with relay(url) as by_smtp, relay(url, "LHLO") as by_lmtp:
                assert await by_smtp.bring([address(0, keys=reader.keys)], mail("qmail")) == [250]
                private_postgres.kill()
                away = [await line.bring(to, mail("qmail")) for line in (by_smtp, by_lmtp)]
                unknown = await by_smtp.bring([stranger], mail("qmail"))
                private_postgres.start()
            await eventually(lambda: is_drained(reader))
            await eventually(lambda: all_projected(database))
            bounced = (await read_sets(database, TASK, [Kind.BOUNCED]))[Kind.BOUNCED]
    await database.close()

    assert away == [[250], [250, 250]]
    assert unknown == [451]
    assert set(bounced) == {0, 1, 2}


async def test_what_was_answered_survives_connections_that_break(
    database: Database, database_url: str, store: PostgresEventStore, tmp_path: Path
) -> None:
    """Relays bring each bounce until they hear 250; while Postgres is cut off again and again, none is lost."""
    await create_message(store, 1)
    await send_task(store, TASK, RECIPIENTS)
    owner = await Database.connect(database_url, role=None)
    async with bounce_port(database, tmp_path) as port:
        bringing = asyncio.gather(*(bring_until_taken(port, hello, n) for n, hello in ENOUGH))
        while not bringing.done():
            await owner.execute(CUT_ALL_OTHERS)
            await asyncio.sleep(0.1)
        tries = await bringing
    await owner.close()
    await eventually(lambda: can_project(database))

    assert set((await read_sets(database, TASK, [Kind.BOUNCED]))[Kind.BOUNCED]) == {n for n, _ in ENOUGH}
    assert min(tries) >= 1


ENOUGH: list[tuple[int, Hello]] = [(n, "LHLO" if n % 2 else "EHLO") for n in range(40)]


async def bring_until_taken(port: BouncePort, hello: Hello, ordinal: int) -> int:
    """How many times it was brought. Waits before each, so that they come while Postgres is cut off."""
    async with relay(port.url, hello) as line:
        tries = 1
        await asyncio.sleep(ordinal * 0.04)
        while (answer := await line.bring([address(ordinal)], mail("qmail"))) != [250]:
            assert answer == [451]
            tries += 1
        return tries


async def can_project(database: Database) -> bool:
    try:
        await project_all(database)
    except Unavailable:  # the last cut is still felt
        return False
    return True
