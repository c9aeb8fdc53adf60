"""How soon the first message of a task is with the relay: of a service that is idle, and of one with much to do.

Idle: a task that is due is posted, and once it is at its end another one. Busy: many small tasks, half of each of two
accounts, are due at one moment; beside a large task of the first account, and without it.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from bench.api_client import ApiClient, open_session
from bench.mail_sink import Sink, sink, unpack_postfix
from bench.measured import Line
from bench.stack import Servers, services
from shared.postgres.database import Database

POSTS = 100  #: in a run, of the idle service
IDLE_MILLISECONDS = 300
MOST_GROWTH = 2.0
SMALL = 10  #: recipients of a small task
_REST_SECONDS = 0.3  #: before each post, so that nothing is under way
_POSTS_AT_ONCE = 32
_MOST_SECONDS = 1_800.0

#: Seconds from $2 (unix) to the first message that the relay has taken, of each task of these.
STARTS = """
SELECT task.account_id, (extract(epoch FROM min(recorded_at)) - $2)::float8 AS seconds
  FROM task
  JOIN segment ON segment.task_id = task.id AND kind = 1
 WHERE task.id = ANY ($1::bigint[])
 GROUP BY task.id"""
STARTED = "SELECT count(DISTINCT task_id) FROM segment WHERE task_id = ANY ($1::bigint[]) AND kind = 1"
COMPLETED = "SELECT bool_and(completed) FROM task WHERE id = ANY ($1::bigint[])"
#: All at one moment, which is answered; the planners look every second.
DUE = """
WITH due AS (UPDATE task SET scheduledtime = clock_timestamp() WHERE id = ANY ($1::bigint[]))
SELECT extract(epoch FROM clock_timestamp())::float8"""


async def measure(servers: Servers, folder: Path, tasks: int, recipients: int, runs: int) -> list[Line]:
    """``tasks``: the small ones; ``recipients``: of the large one."""
    with sink(unpack_postfix(), folder) as target, services(servers, target.port, folder) as stack:
        owner = await Database.connect(servers.database_url, role=None, connections=1, statement_seconds=600.0)
        other = stack.key_of("other")
        try:
            async with open_session(stack) as session, open_session(stack, other) as another:
                clients = ApiClient(session), ApiClient(another)
                idle = [await _p99_idle(clients[0], owner, target, run) for run in range(runs)]
                busy = [await _small_tasks(clients, owner, tasks, recipients, run) for run in range(runs)]
        finally:
            await owner.close()
    return [
        Line("first message of a due task, service idle, 99 of 100 within", "ms", idle, most=IDLE_MILLISECONDS),
        *_lines(busy, tasks, recipients),
    ]


async def _p99_idle(client: ApiClient, owner: Database, target: Sink, run: int) -> float:
    """Milliseconds from the POST to the sink's count."""
    list_id, message_id = await client.make_list(f"idle{run}", 1), await client.make_message(100)
    waited = []
    for _ in range(POSTS):
        await asyncio.sleep(_REST_SECONDS)
        before, begun = target.count(), time.perf_counter()
        task = await client.post("/task", _wish(list_id, message_id, 0))
        await _until_more(target, before)
        waited.append((time.perf_counter() - begun) * 1000)
        await _until(owner, COMPLETED, [task["id"]], True)
    return quantiles(waited, n=100)[-1]


async def _until_more(target: Sink, before: int) -> None:
    while target.count() == before:  # noqa: ASYNC110 - the sink writes a file
        await asyncio.sleep(0.001)


@dataclass(frozen=True, slots=True)
class Busy:
    """Seconds to the start of small tasks, by account."""

    alone: Sequence[Sequence[float]]
    beside: Sequence[Sequence[float]]


async def _small_tasks(
    clients: tuple[ApiClient, ApiClient], owner: Database, tasks: int, recipients: int, run: int
) -> Busy:
    lists = [await client.make_list(f"small{run}", SMALL) for client in clients]
    messages = [await client.make_message(100) for client in clients]
    large = await clients[0].make_list(f"large{run}", recipients)
    found = []
    for beside in (False, True):
        ahead = [await clients[0].post("/task", _wish(large, messages[0], _FAR))] if beside else []
        posted = [
            await _post_many(client, tasks // 2, _wish(list_id, message_id, _FAR))
            for client, list_id, message_id in zip(clients, lists, messages, strict=True)
        ]
        small = [task_id for ids in posted for task_id in ids]
        everything = [task["id"] for task in ahead] + small
        moment = await owner.fetch_value(DUE, everything)
        await _until(owner, STARTED, small, len(small))
        rows = await owner.fetch(STARTS, small, moment)
        accounts = sorted({row["account_id"] for row in rows})
        found.append([[row["seconds"] for row in rows if row["account_id"] == account] for account in accounts])
        await _until(owner, COMPLETED, everything, True)
    return Busy(*found)


def _lines(busy: Sequence[Busy], tasks: int, recipients: int) -> list[Line]:
    def p99(starts: Sequence[Sequence[float]]) -> float:
        return quantiles([seconds for account in starts for seconds in account], n=100)[-1] * 1000

    beside, alone = [p99(each.beside) for each in busy], [p99(each.alone) for each in busy]
    middles = [[median(account) * 1000 for account in each.beside] for each in busy]
    what = f"{tasks:,} tasks of {SMALL} at once"
    return [
        Line(
            f"{what}, beside one of {recipients:,}: start of 99 of 100 within",
            "ms",
            beside,
            "without it",
            alone,
            most=MOST_GROWTH,
        ),
        Line(
            f"{what}, beside one of {recipients:,}: start of half of those of its account within",
            "ms",
            [accounts[0] for accounts in middles],
            "of those of the other account",
            [accounts[-1] for accounts in middles],
            most=1.2,
        ),
    ]


_FAR = 4_102_444_800


def _wish(list_id: int, message_id: int, scheduledtime: int) -> dict[str, object]:
    ids = {"list_id": list_id, "message_id": message_id}
    return {"channel": "email", "name": "start", "scheduledtime": scheduledtime, **ids}


async def _post_many(client: ApiClient, count: int, wish: dict[str, object]) -> list[int]:
    left, made = iter(range(count)), []

    async def post() -> None:
        for _ in left:
            made.append((await client.post("/task", wish))["id"])  # noqa: PERF401 - several do it at once

    await asyncio.gather(*(post() for _ in range(_POSTS_AT_ONCE)))
    return made


async def _until(owner: Database, statement: str, tasks: Sequence[int], wanted: object) -> None:
    deadline = time.perf_counter() + _MOST_SECONDS
    while await owner.fetch_value(statement, tasks) != wanted:
        if time.perf_counter() > deadline:
            raise TimeoutError(f"not within {_MOST_SECONDS:.0f} s: {statement}")
        await asyncio.sleep(0.1)
