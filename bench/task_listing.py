"""Pages of tasks among a million of them: how long the slowest of a hundred requests takes. And what is due among them.

Filtered and sorted in every way that is documented, in turn. The yardstick is another account, which has a thousand;
of the look for what is due, the same look before the million came.
"""

import itertools
import time
from pathlib import Path
from statistics import median, quantiles

import aiohttp

from bench.api_client import open_session
from bench.mail_sink import sink, unpack_postfix
from bench.measured import Line
from bench.stack import Servers, Stack, services
from services.dispatcher.planner.start_due import DUE_AT_ONCE
from services.dispatcher.planner.statements import STATEMENTS as PLANNING
from services.dispatcher.sending.statements import STATEMENTS as SENDING
from shared.postgres.database import Database

FEW = 1_000
ROUNDS = 8  #: through all queries, in a run

_ORDERS = tuple(sign + sort for sort in ("id", "name", "scheduledtime", "endtime", "cdate") for sign in ("", "-"))
_FILTERS = (
    "",
    "cancelled=true",
    "completed=true",
    "cancelled=false&completed=false",
    "channel=sms",
    "list_id=77",
    "list_id=",
    "message_id=8&completed=true",
    "name=Task 8",
)

#: What a dispatcher asks in each of its rounds, with arguments by which it finds work.
LOOK = (
    (PLANNING["due_tasks"], (DUE_AT_ONCE, ["email", "sms"], False)),
    (PLANNING["held_back"], (DUE_AT_ONCE,)),
    (PLANNING["claim_freezing"], (1, 15.0)),
    (PLANNING["windows_to_reckon"], (100,)),
    (PLANNING["release_ended"], ()),
    (PLANNING["put_off_resting"], (5_000,)),
    (PLANNING["call_back_rested"], (5_000,)),
    (SENDING["claim_batches"], (1, 15.0, 8, "email", False)),
    (SENDING["claim_batches"], (1, 15.0, 8, "email", True)),
    (SENDING["claim_paced"], (1, 15.0, 8, "email")),
    (SENDING["next_due"], ("email",)),
)
LOOKS = 40  #: in a run

#: Newsletters of years to a thousand lists, one of which has every tenth. One in a hundred is to come.
TASKS = """
INSERT INTO task (id, account_id, user_id, version, channel, name, message_id, message_version, list_id, search_id,
                  in_doubt, scheduledtime, size, cdate, started, cancelled, completed, endtime, recipients, excluded)
SELECT $1 + n, $2, 1, 4, CASE WHEN n % 10 = 3 THEN 'sms' ELSE 'email' END, 'Task ' || n % 100000, n % 5000 + 1, 1,
       CASE WHEN n % 20 = 7 THEN NULL WHEN n % 10 = 1 THEN 1 ELSE n % 1009 + 1 END,
       CASE WHEN n % 20 = 7 THEN 1 END, 'resend',
       to_timestamp(CASE WHEN n > done THEN 4102444800 ELSE 1500000000 END + n * 200 + n * 7919 % 100000), 1000,
       to_timestamp(1500000000 + n * 200), n <= done, n <= done AND n % 100 = 1, n <= done AND n % 100 <> 1,
       CASE WHEN n <= done THEN to_timestamp(1500003600 + n * 200 + n * 7919 % 100000) END,
       CASE WHEN n <= done THEN 1000 END, '{}'
  FROM generate_series(1, $3::bigint) AS n
 CROSS JOIN (SELECT $3::bigint * 99 / 100 AS done) AS all_but"""
PARTITIONS = "SELECT ensure_task_partitions(lower_bound) FROM generate_series(0, $1::bigint, 100000) AS lower_bound"
SENT = """
INSERT INTO sending (shard, task_id, frozen, next_ordinal, channel)
SELECT abs(hashint8(id)) % 64, id, true, 1000, channel FROM task WHERE started"""
DONE = """
INSERT INTO batch (shard, task_id, number, ordinals, size, attempt, due_at, done)
SELECT abs(hashint8(id)) % 64, id, 0, '\\x00', 500, 1, endtime, true FROM task WHERE started"""


async def measure(servers: Servers, folder: Path, tasks: int, runs: int) -> list[Line]:
    with sink(unpack_postfix(), folder) as target, services(servers, target.port, folder) as stack:
        other = stack.key_of("other")
        owner = await Database.connect(servers.database_url, role=None, connections=1, statement_seconds=1_200.0)
        try:
            before = [await _look(owner) for _ in range(runs)]
            await _fill(owner, tasks)
            after = [await _look(owner) for _ in range(runs)]
        finally:
            await owner.close()
        return [
            await _pages(stack, other, tasks, runs),
            Line(
                f"a dispatcher's {len(LOOK)} looks for work, among {tasks:,} tasks, {tasks // 100:,} of them to come",
                "us",
                after,
                "in an empty database",
                before,
            ),
        ]


async def _fill(owner: Database, tasks: int) -> None:
    for first, account, count in ((0, "bench", tasks), (tasks, "other", FEW)):
        account_id = await owner.fetch_value("SELECT id FROM account WHERE name = $1", account)
        await owner.execute(TASKS, first, account_id, count)
    await owner.execute(PARTITIONS, tasks + FEW)
    await owner.execute(SENT)
    await owner.execute(DONE)
    await owner.execute("VACUUM ANALYZE")


async def _look(owner: Database) -> float:
    """Microseconds of a round; what it claimed is as it was before."""
    found = []
    for _ in range(LOOKS):
        async with owner.transaction() as connection:
            begun = time.perf_counter()
            for statement, arguments in LOOK:
                await connection.fetch(statement, *arguments)
            found.append((time.perf_counter() - begun) * 1_000_000)
    return median(found)


async def _pages(stack: Stack, other: str, tasks: int, runs: int) -> Line:
    many, few = [], []
    async with open_session(stack) as session, open_session(stack, other) as another:
        for _ in range(runs):
            few.append(await _p99(another, FEW))
            many.append(await _p99(session, tasks))
    queries = len(_ORDERS) * len(_FILTERS)
    note = f"{queries} queries, {ROUNDS} times each: every order, with and without filters, pages of 200."
    return Line(f"GET /task among {tasks:,} tasks, 99 of 100 within", "ms", many, f"among {FEW:,}", few, note)


async def _p99(session: aiohttp.ClientSession, tasks: int) -> float:
    """In milliseconds. That all are counted is checked where nothing is filtered."""
    seconds = []
    for order, wanted in itertools.chain.from_iterable([[*itertools.product(_ORDERS, _FILTERS)]] * ROUNDS):
        begun = time.perf_counter()
        async with session.get(f"/task?sort={order}&{wanted}".rstrip("&")) as answer:
            answer.raise_for_status()
            await answer.read()
        seconds.append(time.perf_counter() - begun)
        if not wanted and answer.headers["X-Total-Count"] != str(tasks):
            raise RuntimeError(f"{answer.headers['X-Total-Count']} of {tasks:,} tasks")
    return quantiles(seconds, n=100)[-1] * 1000
