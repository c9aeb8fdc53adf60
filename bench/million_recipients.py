"""What is read of a task with a million recipients: its report, and its contact records in each form.

The yardstick is a task of ten thousand. That the API takes no more memory for a hundred times as many is checked.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.api_client import ApiClient, open_session
from bench.mail_sink import sink, unpack_postfix
from bench.measured import Line
from bench.memory import forget_peak, peak_megabytes
from bench.stack import Servers, Stack, services
from services.api.resources.task.write_contacts import MEDIA
from shared.postgres.database import Database
from tests.sent_task import make_sent

FEW = 10_000
REPORTS = 40  #: in a run
PROJECTED_SECONDS = 300.0
MOST_GROWTH = 1.5  #: of the peak, from ten thousand recipients to all

_FAR_AWAY = 4_102_444_800


@dataclass(frozen=True, slots=True)
class Tasks:
    """By their ids."""

    few: int
    many: int


async def measure(servers: Servers, folder: Path, recipients: int, runs: int) -> list[Line]:
    with sink(unpack_postfix(), folder) as target, services(servers, target.port, folder) as stack:
        async with open_session(stack) as session:
            client = ApiClient(session)
            tasks = await _make_tasks(client, servers.database_url, recipients)
            return [
                await _reports(client, tasks, recipients, runs),
                *[await _records(client, stack, tasks, recipients, media, runs) for media in MEDIA],
            ]


async def _make_tasks(client: ApiClient, database_url: str, recipients: int) -> Tasks:
    database = await Database.connect(database_url)
    owner = await Database.connect(database_url, role=None, connections=1, statement_seconds=600.0)
    list_id, message_id = await client.make_list("bench", 10), await client.make_message(100)
    wish = {"channel": "email", "list_id": list_id, "message_id": message_id, "scheduledtime": _FAR_AWAY}
    made = []
    try:
        for count in (FEW, recipients):
            task = await client.post("/task", {**wish, "name": f"to {count}"})
            await make_sent(database, owner, task["id"], count)
            await _wait_until_counted(client, task["id"], count)
            made.append(task["id"])
        await owner.execute("VACUUM ANALYZE")
    finally:
        await owner.close()
        await database.close()
    return Tasks(*made)


async def _wait_until_counted(client: ApiClient, task_id: int, recipients: int) -> None:
    deadline = time.monotonic() + PROJECTED_SECONDS
    while (report := await client.get(f"/task/{task_id}/report"))["unique"]["delivered"] < recipients - 1:
        if time.monotonic() > deadline:
            raise TimeoutError(f"not counted within {PROJECTED_SECONDS:.0f} s: {report['unique']}")


async def _reports(client: ApiClient, tasks: Tasks, recipients: int, runs: int) -> Line:
    async def milliseconds(task_id: int, count: int) -> float:
        """The median of several; each must add up."""
        found = []
        for _ in range(REPORTS):
            begun = time.perf_counter()
            report = await client.get(f"/task/{task_id}/report")
            found.append((time.perf_counter() - begun) * 1000)
            if sum(report["states"].values()) != count:
                raise RuntimeError(f"the report of {count:,} recipients has {report['states']}")
        return median(found)

    few, many = [], []
    for _ in range(runs):
        few.append(await milliseconds(tasks.few, FEW))
        many.append(await milliseconds(tasks.many, recipients))
    return Line(f"GET /task/:id/report of {recipients:,} recipients", "ms", many, f"of {FEW:,}", few)


async def _records(client: ApiClient, stack: Stack, tasks: Tasks, recipients: int, media: str, runs: int) -> Line:
    """Recipients a second. Raises RuntimeError where memory grew with them."""
    few: list[float] = []
    many: list[float] = []
    peaks = {FEW: 0.0, recipients: 0.0}
    for _ in range(runs):
        for task_id, count, rates in ((tasks.few, FEW, few), (tasks.many, recipients, many)):
            forget_peak(stack.pids["api"])
            rates.append(await _read_all(client, task_id, count, media))
            peaks[count] = max(peaks[count], peak_megabytes(stack.pids["api"]))
    if peaks[recipients] > MOST_GROWTH * peaks[FEW]:
        raise RuntimeError(f"{media}: {peaks[FEW]:.0f} MB for {FEW:,}, {peaks[recipients]:.0f} MB for {recipients:,}")
    note = f"The API's peak: {peaks[recipients]:.0f} MB, and {peaks[FEW]:.0f} MB for {FEW:,}."
    return Line(f"contact records of {recipients:,} as {media}", "recipients/s", many, f"of {FEW:,}", few, note)


async def _read_all(client: ApiClient, task_id: int, recipients: int, media: str) -> float:
    """A second, of those whose addresses came; each must be there once."""
    begun, found = time.perf_counter(), 0
    async with client.session.get(f"/task/{task_id}/contact", headers={"Accept": media}) as answer:
        answer.raise_for_status()
        rest = b""
        async for piece in answer.content.iter_any():
            text = rest + piece
            found += text.count(b"@example.com")
            rest = text[-len(b"@example.com") + 1 :]
    if found != recipients:
        raise RuntimeError(f"{found:,} contact records of {recipients:,}")
    return recipients / (time.perf_counter() - begun)
