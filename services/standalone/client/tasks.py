"""``postroom task create`` and ``postroom report``."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from services.standalone.client.connection import Connection
from services.standalone.client.show import bar, print_report, print_task

LOOK_SECONDS: Final = 1.0
CANCELLED: Final = 1  #: exit code of a wait that ended otherwise than with the task's completion


async def create_task(api: Connection, wish: Mapping[str, object], *, wait: bool) -> int:
    """Prints the task as it then is. Answers an exit code: 1 if it was waited for and cancelled."""
    task = (await api.post("/task", wish)).body
    if wait:
        task = await wait_for_end(api, task["id"])
    print_task(task)
    return CANCELLED if task["cancelled"] else 0


async def wait_for_end(api: Connection, task_id: int) -> Mapping[str, Any]:
    """Shows how many of the recipients have a final state, until the task is completed or cancelled."""
    with bar(f"task {task_id}") as shown:
        while True:
            task = (await api.get_patiently(f"/task/{task_id}")).body
            if task["completed"] or task["cancelled"]:
                ended: Mapping[str, Any] = task
                return ended
            if task["recipients"] is not None:
                states = (await api.get_patiently(f"/task/{task_id}/report")).body["states"]
                shown.show(task["recipients"] - states.get("pending", 0), task["recipients"])
            await asyncio.sleep(LOOK_SECONDS)


async def show_report(api: Connection, task_id: int) -> int:
    print_report((await api.get(f"/task/{task_id}/report")).body)
    return 0
