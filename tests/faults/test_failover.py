"""An asynchronous standby is promoted in mid-send, without the last commits: nobody is lost, every double is listed."""

import asyncio
import base64
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyroaring import BitMap

from services.standalone.embedded_postgres import EmbeddedPostgres
from shared.delivery_log.ordinal_sets import read_sets
from shared.domain.delivery import FINAL, Kind
from shared.domain.tokens import Token, TokenKeys
from shared.postgres.database import Database
from shared.postgres.migrate import migrate
from shared.runtime import clock
from tests.audience import post_task
from tests.faults.auditing import audit, deliveries_of, tell
from tests.faults.counting_relay import CountingRelay
from tests.faults.measured import Measured
from tests.faults.processes import ServiceProcess
from tests.faults.test_kill_any_service import connected
from tests.servers.standby import Follower, either_of, pair

RECIPIENTS = 4_000
SECRET = bytes(range(32))
DISPATCHERS = ("one", "two")


@contextmanager
def sending(database_url: str, relay: CountingRelay, folder: Path) -> Iterator[dict[str, ServiceProcess]]:
    """Two dispatchers, each with a journal of its own, and a tracker."""
    environment = {
        "POSTROOM_DATABASE_URL": database_url,
        "POSTROOM_BUS_URL": "inprocess:",
        "POSTROOM_SMTP_URL": relay.url,
        "POSTROOM_SMTP_CONNECTIONS": "4",
        "POSTROOM_SECRET": base64.b64encode(SECRET).decode(),
        "POSTROOM_TRACKER_PORT": "0",
        "POSTROOM_BOUNCE_PORT": "0",
        "POSTROOM_METRICS_PORT": "0",
        "POSTROOM_TRACKER_URL": "http://127.0.0.1:1",
        "POSTROOM_SWEEP_SECONDS": "0.5",
        "POSTROOM_DNS_CHECK": "off",
    }
    services = {
        name: ServiceProcess(
            "tracker" if name == "tracker" else "dispatcher",
            {**environment, "POSTROOM_JOURNAL_DIR": str(folder / name)},
            folder / f"{name}.log",
        )
        for name in (*DISPATCHERS, "tracker")
    }
    try:
        for service in services.values():
            service.start()
        yield services
    finally:
        for service in services.values():
            service.kill()


async def sent(relay: CountingRelay, count: int) -> None:
    async with asyncio.timeout(90):
        while relay.taken.total() < count:
            await asyncio.sleep(0.002)


async def eventually(database: Database, condition: str) -> None:
    async with asyncio.timeout(90):
        while not await database.fetch_value(condition):
            await asyncio.sleep(0.1)


PROJECTED = """
SELECT count(*) = 0 FROM segment JOIN projection USING (shard)
 WHERE live AND (segment.store_epoch, segment.xid, segment.position)
              > (projection.store_epoch, projection.xid, projection.position)"""


async def reconciled(log: Path) -> None:
    async with asyncio.timeout(60):
        while "journals_reconciled" not in log.read_text():
            await asyncio.sleep(0.1)


async def logged(database: Database) -> dict[Kind, BitMap]:
    """By the log itself, whatever a projection made of it."""
    sets: dict[Kind, BitMap] = {}
    for row in await database.fetch("SELECT kind, ordinals FROM segment WHERE task_id = 1"):
        sets[Kind(row["kind"])] = sets.get(Kind(row["kind"]), BitMap()) | BitMap.deserialize(row["ordinals"])
    return sets


def token_of(message_id: bytes) -> Token:
    token = TokenKeys([SECRET]).read_web(message_id.split(b"@")[0].decode())
    assert token is not None
    return token


@dataclass
class Failing:
    """``lost``: who was handed over of which the new primary knew nothing; ``seconds``: until it went on."""

    lost: int
    seconds: float


async def fail_over(
    primary: EmbeddedPostgres,
    standby: Follower,
    database: Database,
    relay: CountingRelay,
    services: dict[str, ServiceProcess],
    dice: random.Random,
) -> Failing:
    """In mid-send, and one dispatcher dies with the primary."""
    await sent(relay, dice.randint(500, 1_500))
    await standby.cut_off()
    await sent(relay, relay.taken.total() + dice.randint(600, 1_200))
    services["two"].kill()
    primary.kill()
    known = relay.taken.total()
    await standby.promote()
    began = clock.monotonic()
    lost = known - await known_to(database)
    await eventually(database, "SELECT store_epoch = 2 FROM store")
    await sent(relay, relay.taken.total() + 200)
    return Failing(lost, round(clock.monotonic() - began, 1))


@pytest.mark.fault(
    "F9a",
    "a standby without the last commits is promoted in mid-send, and a dispatcher dies with the primary",
    expects="journals first, a new epoch, then it goes on alone; nobody lost, every double listed",
)
@pytest.mark.timeout(240)
async def test_a_standby_that_was_behind_goes_on(
    tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """Hundreds of messages are handed over of which the new primary knows nothing: only the journals do. One of them is
    not there when it goes on; whom it sent to is sent to again, and listed once it is back.
    """
    for number in range(1, rounds + 1):
        folder = tmp_path / str(number)
        folder.mkdir()
        with pair() as servers:
            await one_failover(servers, folder, dice, measured)
    measured.add(rounds=rounds)


async def one_failover(
    servers: tuple[EmbeddedPostgres, Follower], folder: Path, dice: random.Random, measured: Measured
) -> None:
    url = either_of(*servers)
    await migrate(url)
    async with CountingRelay(seconds_each=0.005) as relay, connected(url) as database:
        await post_task(database, RECIPIENTS)
        with sending(url, relay, folder) as services:
            failing = await fail_over(*servers, database, relay, services, dice)
            await eventually(database, "SELECT completed FROM task WHERE id = 1")
            services["two"].start()  # its journal comes back when all is over
            await reconciled(folder / "two.log")
            await eventually(database, PROJECTED)
        sets, log = await read_sets(database, 1, Kind), await logged(database)
        epochs = await database.fetch("SELECT DISTINCT store_epoch FROM segment ORDER BY 1")
        findings = await audit(database, deliveries=deliveries_of(relay))

    copies = {token_of(message_id).ordinal: count for message_id, count in relay.taken.items()}
    doubled = BitMap(ordinal for ordinal, count in copies.items() if count > 1)
    listed = sets.get(Kind.RESENT, BitMap()) | sets.get(Kind.HELD, BitMap())
    assert failing.lost > 0, "the new primary knew of everybody: the test shows nothing"
    assert BitMap(copies) == BitMap(range(RECIPIENTS)), "somebody is missing"
    assert doubled, "the journal that came late knew nobody"
    assert doubled <= listed, "somebody was doubled silently"
    assert {kind: set(bits) for kind, bits in sets.items() if bits} == {kind: set(bits) for kind, bits in log.items()}
    assert [row["store_epoch"] for row in epochs] == [1, 2]
    assert not findings, tell(findings)
    measured.add(outages=1, lost=RECIPIENTS - len(copies), doubled=len(doubled), listed=len(listed))
    measured.add(commits_lost=failing.lost, most_copies=max(copies.values()), recovery_seconds=failing.seconds)


async def known_to(database: Database) -> int:
    """To how many the log says that they were handed over, once it can be asked."""
    async with asyncio.timeout(60):
        while True:
            try:
                rows = await database.fetch(
                    "SELECT ordinals FROM segment WHERE kind = ANY ($1::smallint[]) AND part < 1048576",
                    [int(kind) for kind in FINAL],
                )
            except Exception:  # noqa: BLE001 - it is just being promoted
                await asyncio.sleep(0.05)
            else:
                return len(set().union(*(BitMap.deserialize(row["ordinals"]) for row in rows)))
