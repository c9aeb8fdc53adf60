"""The command `postroom` as a shell runs it, told of an API by its environment: without a terminal, and on one."""

import asyncio
import os
import pty
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tests.integration.api.conftest import Client

POSTROOM = Path(sys.executable).with_name("postroom")


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return orjson.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [orjson.loads(line) for line in self.out.splitlines()]


def environment(client: Client, **more: str) -> dict[str, str]:
    return {**os.environ, "POSTROOM_URL": client.url, "POSTROOM_KEY": client.key or "", **more}


async def start(client: Client, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        POSTROOM,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(client),
    )


async def end(process: asyncio.subprocess.Process) -> Ended:
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return Ended(process.returncode or 0, out.decode(), err.decode())


async def run(client: Client, *arguments: str) -> Ended:
    return await end(await start(client, *arguments))


async def on_terminal(client: Client, *arguments: str) -> tuple[int, str]:
    """The exit code, and all that appeared."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        POSTROOM, *arguments, stdout=theirs, stderr=theirs, env=environment(client, TERM="xterm", COLUMNS="100")
    )
    os.close(theirs)
    shown = await asyncio.wait_for(asyncio.to_thread(_read_all, ours), 60)
    return await process.wait(), shown


def _read_all(descriptor: int) -> str:
    shown = b""
    try:
        while piece := os.read(descriptor, 65_536):
            shown += piece
    except OSError:  # how a terminal says that nobody is at its other end any more
        pass
    os.close(descriptor)
    return shown.decode()
