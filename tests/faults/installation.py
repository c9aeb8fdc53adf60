"""The three services as processes of their own, on servers that a test may harm, and a relay that counts."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from pyroaring import BitMap

from services.standalone.new_key import new_key
from services.standalone.private_process import free_port
from shared.delivery_log.ordinal_sets import read_sets
from shared.domain.delivery import Kind
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database, DatabaseError
from tests.faults.auditing import audit, deliveries_of, tell
from tests.faults.counting_relay import CountingRelay
from tests.faults.measured import Measured
from tests.faults.processes import ServiceProcess

SECRET: Final = bytes(range(32))
SERVICES: Final = ("api", "dispatcher", "tracker")
READY_SECONDS: Final = 90.0
PROGRESS_SECONDS: Final = 90.0  #: a fault that keeps everything waiting longer is one we do not get over
QUIET_SECONDS: Final = 0.5
_PORTS: Final = {"api": "POSTROOM_API_PORT", "tracker": "POSTROOM_TRACKER_PORT"}  #: of all others the probes

#: By service, what is otherwise in its environment. ``None``: it is not started.
Changes = Mapping[str, Mapping[str, str] | None]


@dataclass(slots=True)
class Installation:
    """``database``: on the server itself, past whatever the test has put between it and the services."""

    services: dict[str, ServiceProcess]
    ports: dict[str, int]
    database: Database
    relay: CountingRelay
    key: str
    session: aiohttp.ClientSession
    common: dict[str, str]  #: what is in the environment of each service, unless changed
    list_id: int = 0  #: an empty one

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """What the API answers; nothing may be wrong with it."""
        headers = {"Authorization": f"Bearer {self.key}"}
        async with self.session.request(method, self.url("api") + path, json=body, headers=headers) as answer:
            assert answer.status < 300, (path, answer.status, await answer.text())
            return await answer.json()

    async def completed(self, task_id: int, seconds: float = PROGRESS_SECONDS) -> None:
        async with asyncio.timeout(seconds):
            while not await self._is_completed(task_id):
                await asyncio.sleep(0.1)

    async def _is_completed(self, task_id: int) -> bool:
        try:
            return bool(await self.database.fetch_value("SELECT completed FROM task WHERE id = $1", task_id))
        except DatabaseError:
            return False

    async def sent(self, more: int) -> None:
        """Until the relay has taken so many more."""
        wanted = self.relay.taken.total() + more
        async with asyncio.timeout(PROGRESS_SECONDS):
            while self.relay.taken.total() < wanted:
                await asyncio.sleep(0.002)

    async def quiet(self) -> float:
        """Until the relay gets nothing any more; the seconds until it got the last one."""
        began = last = time.monotonic()
        count = self.relay.taken.total()
        async with asyncio.timeout(PROGRESS_SECONDS):
            while time.monotonic() - last < QUIET_SECONDS:
                await asyncio.sleep(0.01)
                if self.relay.taken.total() != count:
                    count, last = self.relay.taken.total(), time.monotonic()
        return last - began

    async def metric(self, service: str, name: str) -> float:
        async with self.session.get(f"{self.url(service)}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


async def account_for(installation: Installation, task_id: int, size: int, measured: Measured) -> None:
    """Nobody of the task is missing, who got a second copy is listed, and the auditor finds nothing anywhere."""
    deliveries = deliveries_of(installation.relay)
    sets = await read_sets(installation.database, task_id, Kind)
    listed = sets.get(Kind.RESENT, BitMap()) | sets.get(Kind.HELD, BitMap())
    taken, doubled = deliveries.once[task_id], deliveries.twice[task_id]
    measured.add(lost=size - len(taken), doubled=len(doubled), listed=len(listed))
    measured.add(most_copies=1 + bool(doubled) + bool(deliveries.thrice[task_id]))
    assert taken == BitMap(range(size)), f"task {task_id}: somebody is missing"
    assert doubled <= listed, f"task {task_id}: somebody was doubled silently"
    findings = await audit(installation.database, deliveries=deliveries)
    assert not findings, tell(findings)


@asynccontextmanager
async def installed(
    database_url: str, bus_url: str, folder: Path, changes: Changes | None = None, taker: CountingRelay | None = None
) -> AsyncIterator[Installation]:
    """All of it, ready. ``changes`` may name further services: ``dispatcher 2`` is a second dispatcher. ``taker``: a
    relay that is open already.
    """
    changes = changes or {}
    names = [name for name in dict.fromkeys((*SERVICES, *changes)) if changes.get(name, {}) is not None]
    async with AsyncExitStack() as stack:
        relay = taker if taker is not None else await stack.enter_async_context(CountingRelay(seconds_each=0.002))
        database = await Database.connect(database_url)
        stack.push_async_callback(database.close)
        await _keep_small_ids(database_url)
        made = await new_key(database, PostgresEventStore(database), (SECRET,), "The tests", "tests", "admin")
        ports = {name: free_port() for name in names}
        common = environment_of(database_url, bus_url, relay.url, folder)
        services = {}
        for name in names:
            service = name.split(" ")[0]
            port = {_PORTS.get(service, "POSTROOM_METRICS_PORT"): str(ports[name])}
            environment = {**common, **port, **(changes.get(name) or {})}
            services[name] = ServiceProcess(service, environment, folder / f"{name.replace(' ', '-')}.log")
        for process in services.values():
            stack.callback(process.kill)
            process.start()
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(75)))
        installation = Installation(services, ports, database, relay, made["key"], session, common)
        for name in names:
            await alive(installation, name)
        installation.list_id = (await installation.call("POST", "/list", {"name": "Nobody"}))["id"]
        yield installation


async def _keep_small_ids(database_url: str) -> None:
    """For the lists that tests put there themselves."""
    owner = await Database.connect(database_url, role=None, connections=1)
    await owner.fetch_value("SELECT setval('list_id', 1000)")
    await owner.close()


async def alive(installation: Installation, name: str) -> None:
    """Until it answers."""
    async with asyncio.timeout(READY_SECONDS):
        while True:
            try:
                async with installation.session.get(f"{installation.url(name)}/healthz"):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)


def environment_of(database_url: str, bus_url: str, smtp_url: str, folder: Path) -> dict[str, str]:
    return {
        "POSTROOM_DATABASE_URL": database_url,
        "POSTROOM_BUS_URL": bus_url,
        "POSTROOM_SMTP_URL": smtp_url,
        "POSTROOM_SECRET": base64.b64encode(SECRET).decode(),
        "POSTROOM_JOURNAL_DIR": str(folder / "journal"),
        "POSTROOM_OBJECT_STORE_URL": f"file://{folder}/objects",
        "POSTROOM_API_PORT": "0",
        "POSTROOM_TRACKER_PORT": "0",
        "POSTROOM_BOUNCE_PORT": "0",
        "POSTROOM_METRICS_PORT": "0",
        "POSTROOM_TRACKER_URL": "http://127.0.0.1:1",
        "POSTROOM_SWEEP_SECONDS": "0.5",
        "POSTROOM_CALLBACK_WINDOW_SECONDS": "1",
        "POSTROOM_CALLBACK_RETRY_SECONDS": "1,1,2,2,5,5,5,5,5,5",
        "POSTROOM_EGRESS_ALLOW": "127.0.0.0/8",
        "POSTROOM_DNS_CHECK": "off",
    }
