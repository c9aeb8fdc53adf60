"""No input brings the service down: thousands of malformed requests to every operation there is.

Made from the table of operations, so that a new one is tried as well. A request that happens to be right may be carried
out; what is refused must leave no event, and nothing may be answered by a 5xx.
"""

import os
from collections import Counter
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
    chaos = Chaos(operation, ready, client.created)
    events = await count_events(database)
    statuses: Counter[int] = Counter()
    took: list[float] = []
    memory = memory_mb()
    for number in range(REQUESTS * rounds):
        memory = memory_mb() if number == REQUESTS // 2 else memory
        method = chaos.draw.choice([operation.method] * 20 + ["HEAD", "DELETE", "PATCH"])
        path, headers, body = chaos.path(), dict(chaos.draw.choice(HEADERS)), None
        if method in ("POST", "PUT"):
            headers["Content-Type"], body = chaos.body()
        began = perf_counter()
        reply = await client.send_raw(method, path, headers, body)
        took.append(perf_counter() - began)
        assert reply.status < 500, (method, path, headers, body, reply.data)
        if reply.status >= 400 or method in ("GET", "HEAD"):
            assert await count_events(database) == events, (method, path, headers, body, reply.data)
        events = await count_events(database)
        statuses[reply.status] += 1

    growth, p99 = memory_mb() - memory, sorted(took)[len(took) * 99 // 100]
    measured.add(requests=len(took), broken=0, events=0, most_growth_mb=round(growth), p99_seconds=round(p99, 3))
    measured.add(rounds=rounds if operation is OPERATIONS[0] else 0)
    assert growth < MOST_GROWTH_MB
    # They must get far enough to try what lies behind the first doors.
    assert statuses[200] + statuses[201] + statuses[202] + statuses[409] > REQUESTS / 100, statuses
    assert statuses[400] > REQUESTS / 10, statuses
