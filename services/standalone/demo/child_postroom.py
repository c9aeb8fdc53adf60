"""A whole Postroom as a child process with data of its own, known by nothing but the line it prints."""

import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO, Any

from services.standalone.private_process import dying_with_parent

READY_SECONDS = 60.0
STOP_SECONDS = 20.0
LAST_WORDS = 3_000  #: characters of its log

_COMMAND = (
    "-m",
    "services.standalone",
    "up",
    *(f"--{part}-port=0" for part in ("api", "tracker", "smtp", "bounce", "inbox")),
)


class NotStarted(Exception):
    """Postroom ended, or was not ready in time; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Child:
    """``ready``: its line of readiness: urls, keys."""

    ready: dict[str, Any]
    _process: asyncio.subprocess.Process

    async def kill(self) -> None:
        """kill -9, in the middle of whatever it does. The kernel tells its Postgres."""
        self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def child_postroom(*options: str) -> AsyncIterator[Child]:
    """``options``: further ones of `postroom up`. Stops it at the end, and removes its data unless they have a folder.
    Raises NotStarted.
    """
    with tempfile.TemporaryFile() as log:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *_COMMAND,
            *options,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            preexec_fn=dying_with_parent(signal.SIGTERM),
        )
        try:
            yield Child(await _ready_line(child, log), child)
        finally:
            await _stop(child)


async def _ready_line(child: asyncio.subprocess.Process, log: IO[bytes]) -> dict[str, Any]:
    try:
        async with asyncio.timeout(READY_SECONDS):
            line = await child.stdout.readline() if child.stdout else b""
    except TimeoutError:
        line = b""
    if not line:
        log.seek(0)
        raise NotStarted(log.read().decode(errors="replace")[-LAST_WORDS:])
    ready: dict[str, Any] = json.loads(line)
    return ready


async def _stop(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        child.terminate()
    try:
        await asyncio.wait_for(child.wait(), STOP_SECONDS)
    except TimeoutError:
        child.kill()
        await child.wait()
