"""Writes the file of a job, part by part, so that it is there whole or not at all, and a crash costs one part.

    begin --> part, part, ... --> finish --> completed

Each step ends with a checkpoint: the upload, the tags of its parts, and where the next page begins. Whoever takes the
job over goes on from there. What an overtaken process still puts is no part of the file: the checkpoint is fenced.
"""

import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from services.dispatcher.jobs.files.statements import STATEMENTS
from services.dispatcher.jobs.held_job import HeldJob, chunk_of
from services.dispatcher.jobs.work import Completed, JobTools
from shared.domain.csv_lines import csv_lines
from shared.domain.job_answer import EXPIRES, EXPORT_URL
from shared.object_store.interface import LEAST_PART, UploadLost

log = structlog.get_logger(__name__)

KEY_BYTES: Final = 20  #: of chance, so that nobody finds a file by trying


@dataclass(frozen=True, slots=True)
class Page:
    """``csv``: lines. ``at``: where the next page begins; None: there is none. ``progress``: 0 to 1, behind it."""

    csv: bytes
    rows: int
    at: Any
    progress: float


#: The page that begins at what the one before has said; None: the first.
ReadPage = Callable[[Any], Awaitable[Page]]


@dataclass(frozen=True, slots=True)
class FileOrder:
    """``filename``: for whoever fetches it. ``columns``: of the first line."""

    filename: str
    columns: tuple[str, ...]
    read_page: ReadPage


async def write_file(tools: JobTools, job: HeldJob, order: FileOrder) -> Completed | None:
    """One step. Raises ObjectStoreError: then it is to be tried again."""
    cursor = job.cursor
    try:
        if "key" not in cursor:
            await _begin(tools, job, order)
        elif "until" in cursor:
            return _completed(tools, cursor, order)
        elif cursor["ended"]:
            await _finish(tools, job)
        else:
            await _put_part(tools, job, order)
    except UploadLost:
        log.warning("a file is written anew", action="upload_lost", job=job.number)
        await _forget(tools, job)
    return None


async def _begin(tools: JobTools, job: HeldJob, order: FileOrder) -> None:
    """What a crash before the checkpoint leaves is cleared away in time (``clear_files``)."""
    key = base64.b32encode(tools.random_bytes(KEY_BYTES)).decode().lower()
    upload = await tools.objects.begin(key)
    async with chunk_of(tools.database, job) as chunk:
        named = (key, job.number, job.account_id, upload, order.filename)
        await chunk.connection.execute(STATEMENTS["begin_file"], *named)
        chunk.cursor = {"key": key, "upload": upload, "tags": [], "at": None, "ended": False}


async def _put_part(tools: JobTools, job: HeldJob, order: FileOrder) -> None:
    cursor, tags = job.cursor, job.cursor["tags"]
    part = bytearray() if tags else bytearray(csv_lines([order.columns], end="\n"))
    at, rows, progress, ended = cursor["at"], 0, 0.0, False
    while len(part) < LEAST_PART and not ended:
        page = await order.read_page(at)
        part += page.csv
        at, rows, progress, ended = page.at, rows + page.rows, page.progress, page.at is None
    tag = await tools.objects.put_part(cursor["key"], cursor["upload"], len(tags) + 1, bytes(part))
    async with chunk_of(tools.database, job) as chunk:
        chunk.cursor = {**cursor, "tags": [*tags, tag], "at": at, "ended": ended}
        chunk.rows, chunk.progress = rows, progress


async def _finish(tools: JobTools, job: HeldJob) -> None:
    key, until = job.cursor["key"], tools.now() + tools.export_seconds
    await tools.objects.finish(key, job.cursor["upload"], job.cursor["tags"])
    async with chunk_of(tools.database, job) as chunk:
        await chunk.connection.execute(STATEMENTS["end_file"], key, until)
        chunk.cursor, chunk.progress = {**job.cursor, "until": until}, 1.0


async def _forget(tools: JobTools, job: HeldJob) -> None:
    """Everything: it begins anew."""
    async with chunk_of(tools.database, job) as chunk:
        chunk.cursor, chunk.rows = {}, -job.rows


def _completed(tools: JobTools, cursor: Mapping[str, Any], order: FileOrder) -> Completed:
    url = f"{tools.api_url}/export?key={cursor['key']}"
    return Completed({"filename": order.filename, EXPORT_URL: url, EXPIRES: cursor["until"]})
