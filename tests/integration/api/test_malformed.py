"""No input brings the service down: thousands of malformed requests to every operation there is.

Made from the table of operations, so that a new one is tried as well. A request that happens to be right may be carried
out; what is refused must leave no event, and nothing may be answered by a 5xx.
"""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from services.api.app import OPERATIONS
from services.api.operation import Operation
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from tests.faults.measured import Measured
from tests.integration.api import campaigning
from tests.integration.api.chaos import HEADERS, Chaos
from tests.integration.api.conftest import Client, Clients, Ready, count_events
from tests.integration.api.signupto import rightful

REQUESTS = 300  # to each operation, in each round
MOST_GROWTH_MB = 50.0
DOMAINS = 24  # for those that are about one


def memory_mb() -> float:
    """Of this process, in which the API is."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@dataclass
class Attack:
    """``took``: the seconds of each request."""

    client: Client
    database: Database
    chaos: Chaos
    statuses: Counter[int] = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)
    memory_mb: float = 0.0  #: once it was warm

    async def go_on(self, requests: int) -> None:
        events = await count_events(self.database)
        for number in range(requests):
            self.memory_mb = memory_mb() if number == REQUESTS // 2 else self.memory_mb
            asked = self._draw()
            began = perf_counter()
            reply = await self.client.send_raw(*asked)
            self.took.append(perf_counter() - began)
            assert reply.status < 500, (asked, reply.data)
            if reply.status >= 400 or asked[0] in ("GET", "HEAD"):
                assert await count_events(self.database) == events, (asked, reply.data)
            events = await count_events(self.database)
            self.statuses[reply.status] += 1

    def _draw(self) -> tuple[str, str, dict[str, str], bytes | None]:
        chaos = self.chaos
        method = chaos.draw.choice([chaos.operation.method] * 20 + ["HEAD", "DELETE", "PATCH"])
        path, headers, body = chaos.path(), dict(chaos.draw.choice(HEADERS)), None
        if method in ("POST", "PUT"):
            headers["Content-Type"], body = chaos.body()
        return method, path, headers, body


@pytest.mark.fault(
    "F33",
    "malformed requests to every operation",
    expects="0 answers of 5xx, 0 events by what was refused, memory within 50 MB, p99 below 0.1 s",
)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.path}")
async def test_nothing_malformed_breaks_anything(
    client: Client,
    clients: Clients,
    ready: Ready,
    ready_task: int,
    database: Database,
    store: PostgresEventStore,
    operation: Operation[Any, Any],
    rounds: int,
    measured: Measured,
) -> None:
    await clients.make(user="with the second key")
    for number in range(DOMAINS if "{domain_id}" in operation.path else 0):
        await client.post("/domain", {"name": f"d{number}.example.com"})
    await client.post(f"/message/{ready.message_id}/test", {"to": ["a@b.co"]})
    await client.post("/suppression", [{"email": f"s{number}@b.co"} for number in range(24)])
    for number in range(24 if "search" in operation.path else 1):
        await client.post("/search", {"name": f"Valid ones {number}", "query": {"criteria": ["valid"]}})
    await campaigning.make_campaigns(operation, client, ready)
    await client.post("/task", ready.task(list_id=None, search_id=1))  # so that it stays, whatever is sent to it
    await rightful.prepare(operation, client, database, store, ready_task)
    if "admin" not in operation.roles:
        client = await clients.make(user="olga", role="operator")
    assert client.created is not None
    attack = Attack(client, database, Chaos(operation, ready, client.created))
    await attack.go_on(REQUESTS * rounds)

    took, statuses, growth = sorted(attack.took), attack.statuses, memory_mb() - attack.memory_mb
    p99 = took[len(took) * 99 // 100]
    measured.add(requests=len(took), broken=0, events=0, most_growth_mb=round(growth), p99_seconds=round(p99, 3))
    measured.add(rounds=rounds if operation is OPERATIONS[0] else 0)
    assert growth < MOST_GROWTH_MB
    # They must get far enough to try what lies behind the first doors.
    assert statuses[200] + statuses[201] + statuses[202] + statuses[409] > REQUESTS / 100, statuses
    assert statuses[400] > REQUESTS / 10, statuses
