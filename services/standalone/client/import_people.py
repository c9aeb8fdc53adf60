"""``postroom import``: people from a CSV file onto a list, by a job."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from services.standalone.client.connection import ApiRefused, Connection
from services.standalone.client.show import bar, print_line

LOOK_SECONDS: Final = 0.5


async def import_people(api: Connection, list_name: str, path: Path) -> int:
    """Prints the job as it ended. Answers an exit code: 1 if it failed, or a line could not be taken."""
    try:
        data = await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        raise ApiRefused([f"{path}: {error.strerror}"]) from error
    made = (await api.upload("/job", {"job": "import", "list": list_name}, path.name, data)).body
    job = await _wait_for_end(api, made["job_id"], path.name)
    print_line(job)
    return 1 if job["status"] == "error" or job["rows_failed"] else 0


async def _wait_for_end(api: Connection, job_id: str, title: str) -> Mapping[str, Any]:
    with bar(title) as shown:
        while True:
            job: Mapping[str, Any] = (await api.get_patiently("/job", job_id=job_id)).body
            shown.show(job["progress"], 100)
            if job["status"] != "pending":
                return job
            await asyncio.sleep(LOOK_SECONDS)
