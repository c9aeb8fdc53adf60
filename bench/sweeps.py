"""What a message costs as work grows: tasks to ten thousand, a hundred thousand and a million recipients, and the same
million in one task, in a hundred and in ten thousand. Time, CPU and memory of each service, and bytes in the database.

The yardstick of each is the smallest of its row. `--write-plots` draws what was found into docs/images.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from bench import compaction
from bench.api_client import ApiClient, open_session
from bench.end_to_end import FRAME_BYTES
from bench.mail_sink import MESSAGE_BYTES, Sink, sink, unpack_postfix
from bench.measured import Line, Used
from bench.memory import forget_peak, peak_megabytes
from bench.plots import Plot, Series
from bench.processes import watched
from bench.stack import Servers, Stack, services
from shared.postgres.database import Database

FLAT = 1.2
MOST_MEGABYTES = 200
RECORD_BYTES = 120
TASKS = (1, 100, 10_000)
_POSTS_AT_ONCE = 32
_SECONDS_EACH = 0.01  #: of a message, before a run is given up
_LOOK_SECONDS = 0.1

#: Heap and what is stored beside it, and indexes, of all partitions of a table.
BYTES = """
SELECT parent.relname AS of, sum(pg_table_size(inhrelid))::bigint AS rows,
       sum(pg_indexes_size(inhrelid))::bigint AS indexes
  FROM pg_inherits
  JOIN pg_class AS parent ON parent.oid = inhparent
 WHERE parent.relkind = 'p'
 GROUP BY parent.relname"""
ALL_ENDED = "SELECT NOT EXISTS (SELECT FROM task WHERE NOT completed)"
#: Of some thousand tasks the reports are not asked one by one: the sets say it.
ACCEPTED = """
SELECT coalesce(sum(cardinality), 0)::bigint
  FROM ordinal_set
  JOIN projection ON projection.shard = ordinal_set.shard AND projection.generation = ordinal_set.generation AND live
 WHERE kind = 1 AND link = 0"""
EVENTS = "SELECT coalesce(sum(hits), 0)::bigint FROM hit_series WHERE link = 0"


@dataclass(frozen=True, slots=True)
class Found:
    """Of one run: everything by message, in microseconds; memory in megabytes; bytes in the database."""

    messages: int
    tasks: int
    time_each: float
    used: Sequence[Used]
    bytes_each: Mapping[str, tuple[float, float]]  #: rows and indexes of each table
    events_each: float


async def measure(servers: Servers, folder: Path, recipients: int, runs: int, plots: Path | None) -> list[Line]:
    """``recipients``: of the largest task; the others have a tenth and a hundredth. All of the second row have these
    together.
    """
    sizes = [recipients // 100, recipients // 10, recipients]
    with sink(unpack_postfix(), folder) as target, services(servers, target.port, folder) as stack:
        owner = await Database.connect(servers.database_url, role=None, connections=1, statement_seconds=600.0)
        try:
            async with open_session(stack) as session:
                bench = Sweeper(ApiClient(session), owner, stack, servers, target)
                by_size = [[await bench.send(size, 1) for size in sizes] for _ in range(runs)]
                most = max(task for task in TASKS if task * 10 <= recipients)
                several = [tasks for tasks in TASKS if tasks <= most]
                by_tasks = [[await bench.send(recipients, tasks) for tasks in several] for _ in range(runs)]
        finally:
            await owner.close()
    if plots is not None:
        draw(plots, by_size, by_tasks)
    lines = [*lines_of(by_size, _by_size), *lines_of(by_tasks, _by_tasks), *bytes_lines([row[-1] for row in by_size])]
    return [*lines, *await compaction.largest(servers.database_url)]


@dataclass(slots=True)
class Sweeper:
    client: ApiClient
    owner: Database
    stack: Stack
    servers: Servers
    target: Sink
    _made: int = 0

    async def send(self, messages: int, tasks: int) -> Found:
        """So many messages, evenly from so many tasks, each to a list of its own size; until all are counted.

        Raises RuntimeError when the sink has not exactly one each, TimeoutError when it takes too long.
        """
        each = messages // tasks
        self._made += 1
        list_id = await self.client.make_list(f"sweep{self._made}", each)
        message_id = await self.client.make_message(MESSAGE_BYTES - FRAME_BYTES)
        before = await self._standing()
        for pid in self.stack.pids.values():
            forget_peak(pid)
        began = time.perf_counter()
        with watched({**self.stack.pids, **self.servers.pids}) as seen:
            await self._post(tasks, list_id, message_id)
            await self._until_ended(before.accepted + messages, messages)
        seconds = time.perf_counter() - began
        if (received := self.target.count() - before.received) != messages:
            raise RuntimeError(f"{received:,} messages for {messages:,} recipients")
        peaks = {name: peak_megabytes(pid) for name, pid in self.stack.pids.items()}
        used = [Used(each.name, each.cpu_seconds, peaks.get(each.name, each.peak_megabytes)) for each in seen]
        after = await self._standing()
        grown = {
            table: ((rows - before.bytes[table][0]) / messages, (indexes - before.bytes[table][1]) / messages)
            for table, (rows, indexes) in after.bytes.items()
        }
        events = (after.events - before.events) / messages
        return Found(messages, tasks, seconds / messages * 1e6, used, grown, events)

    async def _post(self, tasks: int, list_id: int, message_id: int) -> None:
        wish = {"channel": "email", "name": "sweep", "list_id": list_id, "message_id": message_id, "scheduledtime": 0}
        left = iter(range(tasks))

        async def post() -> None:
            for _ in left:
                await self.client.post("/task", wish)

        await asyncio.gather(*(post() for _ in range(min(tasks, _POSTS_AT_ONCE))))

    async def _until_ended(self, accepted: int, messages: int) -> None:
        deadline = time.perf_counter() + 60 + messages * _SECONDS_EACH
        while not await self.owner.fetch_value(ALL_ENDED) or await self.owner.fetch_value(ACCEPTED) < accepted:
            if time.perf_counter() > deadline:
                raise TimeoutError(f"{messages:,} messages were not sent in time")
            await asyncio.sleep(_LOOK_SECONDS)

    async def _standing(self) -> "Standing":
        await self.owner.execute("VACUUM")
        rows = await self.owner.fetch(BYTES)
        return Standing(
            received=self.target.count(),
            accepted=await self.owner.fetch_value(ACCEPTED),
            events=await self.owner.fetch_value(EVENTS),
            bytes={row["of"]: (row["rows"], row["indexes"]) for row in rows},
        )


@dataclass(frozen=True, slots=True)
class Standing:
    received: int
    accepted: int
    events: int
    bytes: Mapping[str, tuple[int, int]]


def _by_size(found: Found) -> str:
    return f"a task of {found.messages:,}"


def _by_tasks(found: Found) -> str:
    return f"{found.messages:,} messages of {found.tasks:,} {'task' if found.tasks == 1 else 'tasks'}"


def lines_of(rows: Sequence[Sequence[Found]], name: Callable[[Found], str]) -> list[Line]:
    """The first of each row is the yardstick of the others."""
    lines = []
    for column in zip(*rows, strict=True):
        first = [row[0].time_each for row in rows]
        last = column[-1]
        each = ", ".join(f"{used.name} {used.cpu_seconds / last.messages * 1e6:.0f}" for used in last.used)
        lines.append(
            Line(
                f"{name(column[0])}: time of a message",
                "us",
                [found.time_each for found in column],
                name(rows[0][0]),
                first,
                f"us of CPU a message: {each}. Memory wanted: each service below {MOST_MEGABYTES} MB.",
                last.used,
                most=FLAT,
            )
        )
    return lines


def bytes_lines(found: Sequence[Found]) -> list[Line]:
    """Of the largest task, in each run."""
    tables = sorted(table for table, sizes in found[-1].bytes_each.items() if sum(sizes) > 0.005)
    note = "; ".join(f"{table} {sum_of(found, table, 0):.1f} + {sum_of(found, table, 1):.1f}" for table in tables)
    return [
        Line(
            "database bytes of a recipient, his contact record without its key",
            "bytes",
            [each.bytes_each["contact_record"][0] for each in found],
            note=f"rows + indexes: {note}",
            most=RECORD_BYTES,
        ),
        Line(
            "database bytes of a recipient, all that a sent message leaves, indexes too",
            "bytes",
            [sum(map(sum, each.bytes_each.values())) for each in found],
        ),
        Line(
            "database bytes of a recorded event, without indexes, not merged yet",
            "bytes",
            [each.bytes_each["segment"][0] / max(each.events_each, 1e-9) for each in found],
            note=f"{median(each.events_each for each in found):.2f} events a recipient",
        ),
    ]


def sum_of(found: Sequence[Found], table: str, place: int) -> float:
    return median(each.bytes_each[table][place] for each in found)


def draw(folder: Path, by_size: Sequence[Sequence[Found]], by_tasks: Sequence[Sequence[Found]]) -> None:
    """Medians over the runs; three pictures."""
    names = [each.name for each in by_size[0][0].used]
    costs = {"time": lambda found: found.time_each} | {name: partial(_cpu_each, name) for name in names}
    memory = {name: partial(_peak, name) for name in names if name != "postgres"}
    for file, drawn in {
        "sweep-recipients": _plot("A message, by recipients of its task", "us", by_size, _messages, costs),
        "sweep-tasks": _plot("A message, by tasks at once", "us", by_tasks, _tasks, costs),
        "sweep-memory": _plot("Peak memory, by recipients of a task", "MB", by_size, _messages, memory),
    }.items():
        (folder / f"{file}.svg").write_text(drawn.svg(), encoding="utf-8")


def _plot(
    title: str,
    unit: str,
    rows: Sequence[Sequence[Found]],
    place: Callable[[Found], int],
    values: Mapping[str, Callable[[Found], float]],
) -> Plot:
    columns = list(zip(*rows, strict=True))
    series = [Series(name, [median(map(of, column)) for column in columns]) for name, of in values.items()]
    return Plot(title, unit, [place(column[0]) for column in columns], series)


def _messages(found: Found) -> int:
    return found.messages


def _tasks(found: Found) -> int:
    return found.tasks


def _cpu_each(name: str, found: Found) -> float:
    return next(each.cpu_seconds for each in found.used if each.name == name) / found.messages * 1e6


def _peak(name: str, found: Found) -> float:
    return next(each.peak_megabytes for each in found.used if each.name == name)
