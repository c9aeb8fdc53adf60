"""Relays that bring bounces to the bounce port: one that speaks line by line, and the mails they bring."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from services.tracker.intake.bounce_port import BouncePort
from services.tracker.intake.bounces import BounceIntake
from services.tracker.intake.journal import HitJournal
from services.tracker.intake.known_tasks import KnownTasks
from services.tracker.intake.record import HitRecorder
from services.tracker.intake.replay import LOOK_SECONDS, Replay
from services.tracker.intake.task_copy import TaskCopy
from services.tracker.intake.unsubscribe import Unsubscriber
from services.tracker.metrics import Metrics
from shared.delivery_log.append import DeliveryLog
from shared.domain.tokens import TokenKeys
from shared.postgres.database import Database, Unavailable
from shared.runtime import clock
from shared.runtime.lifecycle import Wakeup, run_loop
from tests.integration.tracker.readers import TASK
from tests.integration.tracker.running_projectors import HASHES

MAILS = Path(__file__).parents[2] / "unit/tracker/mail"
KEYS = TokenKeys([b"secret secret secret secret secret"])
Hello = Literal["EHLO", "LHLO", "HELO"]


def mail(name: str) -> bytes:
    """One of the corpus, as it goes over the wire."""
    return (MAILS / f"{name}.eml").read_bytes().replace(b"\n", b"\r\n")


def address(ordinal: int, task: int = TASK, keys: TokenKeys = KEYS) -> str:
    return f"{keys.verp(task, ordinal)}@bounce.example.com"


def port_of(url: str) -> int:
    return urlsplit(url).port or 0


@asynccontextmanager
async def bounce_port(database: Database, folder: Path) -> AsyncIterator[BouncePort]:
    """Without the rest of a tracker; ``folder``: of its journal."""
    metrics, journal = Metrics(), HitJournal(folder, 1 << 20, clock.random_id)
    recorder = HitRecorder(DeliveryLog(database), -2 - clock.random_id(), journal, metrics)
    tasks = KnownTasks(database, journal, TaskCopy(folder), clock.monotonic)
    intake = BounceIntake(KEYS, tasks, recorder, clock.now, metrics)
    unsubscriber = Unsubscriber(database, HASHES, journal, clock.random_id, metrics)
    replay, stopping = Replay(database, journal, unsubscriber, metrics), asyncio.Event()
    replaying = asyncio.create_task(run_loop("replay", replay.step, Wakeup(), stopping, LOOK_SECONDS, (Unavailable,)))
    port = BouncePort(intake)
    await port.open("127.0.0.1", 0)
    yield port
    await port.stop()
    stopping.set()
    await replaying
    async with asyncio.timeout(30):
        while await settled(replay):
            await asyncio.sleep(0.1)


async def settled(replay: Replay) -> bool:
    """Replays what is left; whether there may be more."""
    try:
        return await replay.step()
    except Unavailable:  # the last cut is still felt
        return True


@dataclass
class Relay:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    hello: Hello

    async def reply(self) -> tuple[int, list[str]]:
        """Code and lines of one reply. Raises EOFError when there is none."""
        lines = []
        while True:
            line = (await asyncio.wait_for(self.reader.readline(), 30)).decode()
            if not line:
                raise EOFError
            lines.append(line[4:].rstrip())
            if re.match(r"\d{3}( |\r)", line):
                return int(line[:3]), lines

    async def ask(self, command: str) -> int:
        self.writer.write(command.encode() + b"\r\n")
        return (await self.reply())[0]

    async def bring(self, addresses: Sequence[str], content: bytes, sender: str = "") -> list[int]:
        """The codes of the envelope up to the first bad one, and those that answer the mail."""
        for command in (f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{to}>" for to in addresses), "DATA"):
            code = await self.ask(command)
            if code >= 400:
                await self.ask("RSET")
                return [code]
        return await self.finish(content, len(addresses))

    async def finish(self, content: bytes, recipients: int) -> list[int]:
        stuffed = re.sub(rb"(?m)^\.", b"..", content)
        self.writer.write(stuffed + b"\r\n.\r\n")
        return [(await self.reply())[0] for _ in range(recipients if self.hello == "LHLO" else 1)]


@asynccontextmanager
async def relay(url: str, hello: Hello = "EHLO") -> AsyncIterator[Relay]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(url))
    found = Relay(reader, writer, hello)
    assert (await found.reply())[0] == 220
    assert await found.ask(f"{hello} relay.example") == 250
    yield found
    writer.close()
