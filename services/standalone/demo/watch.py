"""Watches a task through the API until what was played has become a report."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from rich.progress import Progress

from services.standalone.demo.checks import is_counted
from services.standalone.demo.postroom_client import PostroomClient
from shared.runtime.clock import monotonic

SENT_SECONDS = 60.0
COUNTED_SECONDS = 30.0

_LOOK_SECONDS = 0.05


async def watch_sending(client: PostroomClient, task_id: int, size: int, progress: Progress, what: str) -> None:
    """Until everybody has been handed over. Raises TimeoutError."""
    bar = progress.add_task(what, total=size)

    async def all_sent() -> bool:
        submitted = (await client.get(f"/task/{task_id}/report"))["unique"].get("submitted", 0)
        progress.update(bar, completed=submitted)
        return bool(submitted >= size)

    await until(all_sent, SENT_SECONDS, f"{what}: not in time")


async def watch_counting(
    client: PostroomClient,
    task_id: int,
    unique: Mapping[str, int],
    total: Mapping[str, int],
    progress: Progress,
    shown: str,
) -> Any:
    """The report, once it holds everything that was played; else as it stands when patience ends. ``shown``: the event
    of the bar.
    """
    bar = progress.add_task(f"{shown} counted", total=total.get(shown, unique[shown]))
    report: dict[str, Any] = {}

    async def all_counted() -> bool:
        report.update(await client.get(f"/task/{task_id}/report"))
        progress.update(bar, completed=report["total"].get(shown, 0))
        completed = (await client.get(f"/task/{task_id}"))["completed"]
        return completed and is_counted(unique, total, report)

    try:
        await until(all_counted, COUNTED_SECONDS, "not counted in time")
    except TimeoutError:
        progress.console.print("[red]Not everything was counted in time.[/]")
    return report


async def until(holds: Callable[[], Awaitable[bool]], seconds: float, otherwise: str) -> None:
    """Raises TimeoutError with the words of ``otherwise``."""
    deadline = monotonic() + seconds
    while not await holds():
        if monotonic() > deadline:
            raise TimeoutError(otherwise)
        await asyncio.sleep(_LOOK_SECONDS)
