"""What a fault test breaks: a database, services as processes, a relay that counts, and the leases of the dead."""

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from services.standalone.private_process import free_port
from shared.postgres.database import Database
from tests.faults.counting_relay import CountingRelay
from tests.faults.processes import ServiceProcess

SECRET = bytes(range(32))

#: Of everything but batches: theirs are taken over with the journal of whoever held them.
LEASED = """
SELECT DISTINCT relname
  FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
 WHERE attname = 'leased_until' AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'batch'
 ORDER BY relname"""


@dataclass
class World:
    """``environment``: of every service in it. ``services``: those that were asked for, by name and number."""

    database: Database
    owner: Database  #: may do what no service may
    relay: CountingRelay
    folder: Path
    environment: dict[str, str]
    services: dict[str, ServiceProcess] = field(default_factory=dict)

    def service(self, name: str, replica: str = "", **settings: str) -> ServiceProcess:
        """The same one each time. ``replica``: another one of that name, with a journal of its own."""
        known = f"{name}{replica}"
        if known not in self.services:
            more = {f"POSTROOM_{setting.upper()}": value for setting, value in settings.items()}
            if replica:
                more.setdefault("POSTROOM_JOURNAL_DIR", str(self.folder / f"journal{replica}"))
            log = self.folder / f"{known}.log"
            self.services[known] = ServiceProcess(name, {**self.environment, **more}, log)
        return self.services[known]

    async def strike(self, name: str, point: str, number: int = 1, seconds: float = 60.0) -> None:
        """Starts the service, and is back when it has killed itself there."""
        service = self.service(name)
        service.start(f"{point}:{number}")
        await service.died(seconds)
        await self.let_leases_run_out()

    async def let_leases_run_out(self) -> None:
        """Of whoever is dead; for who lives it is as if the clock had jumped. The clock would do it in 15 seconds."""
        for table in [row["relname"] for row in await self.owner.fetch(LEASED)]:
            await self.owner.execute(f"UPDATE {table} SET leased_until = '-infinity'")

    def end(self) -> None:
        for service in self.services.values():
            service.kill()


@asynccontextmanager
async def world_on(
    database_url: str, folder: Path, *, seconds_each: float = 0.002, **settings: str
) -> AsyncIterator[World]:
    """``seconds_each``: what a message takes the relay. ``settings``: by their names in lower case."""
    database, owner = await Database.connect(database_url), await Database.connect(database_url, role=None)
    try:
        async with CountingRelay(seconds_each=seconds_each) as relay:
            world = World(database, owner, relay, folder, environment_of(database_url, relay.url, folder, settings))
            try:
                yield world
            finally:
                world.end()
    finally:
        await database.close()
        await owner.close()


def environment_of(database_url: str, relay_url: str, folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    return {
        "POSTROOM_DATABASE_URL": database_url,
        "POSTROOM_BUS_URL": "inprocess:",
        "POSTROOM_SMTP_URL": relay_url,
        "POSTROOM_SECRET": base64.b64encode(SECRET).decode(),
        "POSTROOM_JOURNAL_DIR": str(folder / "journal"),
        "POSTROOM_OBJECT_STORE_URL": f"file://{folder}/objects",
        "POSTROOM_API_PORT": str(free_port()),
        **{f"POSTROOM_{part}_PORT": "0" for part in ("TRACKER", "BOUNCE", "METRICS")},
        "POSTROOM_TRACKER_URL": "http://127.0.0.1:1",
        "POSTROOM_SWEEP_SECONDS": "0.1",
        "POSTROOM_CALLBACK_WINDOW_SECONDS": "1",
        "POSTROOM_EGRESS_ALLOW": "127.0.0.0/8",
        "POSTROOM_DNS_CHECK": "off",
        "POSTROOM_DATABASE_CONNECTIONS": "4",
        **{f"POSTROOM_{name.upper()}": value for name, value in settings.items()},
    }
