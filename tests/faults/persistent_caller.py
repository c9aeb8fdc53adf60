"""A service that drafts campaigns, one by one, and comes again with the same key until it is told that one is made."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from tests.faults.installation import PROGRESS_SECONDS, Installation
from tests.faults.measured import Measured

PAUSE_SECONDS: Final = 0.02

_STORED: Final = "SELECT id, name FROM campaign WHERE name LIKE $1"
_EVENTS: Final = "SELECT count(*) AS events FROM event WHERE stream = ANY ($1::text[]) GROUP BY stream"


@dataclass(slots=True)
class PersistentCaller:
    """``answers``: how often which status came; 0: none did. ``unhelpful``: 503 that did not say when to come again."""

    installation: Installation
    name: str
    made: dict[str, int] = field(default_factory=dict)  #: ids by name, as they were told
    answers: "Counter[int]" = field(default_factory=Counter)
    unhelpful: int = 0
    slowest: float = 0.0

    async def call_until(self, enough: asyncio.Event) -> None:
        """Ends with an answer."""
        number = 0
        while not enough.is_set():
            number += 1
            while not await self.make(f"{self.name}-{number}"):
                await asyncio.sleep(PAUSE_SECONDS)

    async def make(self, name: str) -> bool:
        """Whether it was told that it is made."""
        began, status = time.monotonic(), 0
        headers = {"Authorization": f"Bearer {self.installation.key}", "Idempotency-Key": name}
        url, wish = f"{self.installation.url('api')}/campaign", {"name": name, "list": self.installation.list_id}
        try:
            async with self.installation.session.post(url, json=wish, headers=headers) as answer:
                status = answer.status
                self.unhelpful += status == 503 and "Retry-After" not in answer.headers
                if status < 300:
                    self.made[name] = (await answer.json())["id"]
        except (aiohttp.ClientError, TimeoutError):
            pass
        self.answers[status] += 1
        self.slowest = max(self.slowest, time.monotonic() - began)
        return status < 300 and status > 0

    async def accepted(self, more: int = 1) -> None:
        """Until it was told of so many more."""
        wanted, began = len(self.made) + more, time.monotonic()
        while len(self.made) < wanted:
            assert time.monotonic() < began + PROGRESS_SECONDS, self.answers
            await asyncio.sleep(0.005)

    async def account_for(self, measured: Measured) -> None:
        """What it was told is so, once; and whoever was turned away was told when to come again."""
        database = self.installation.database
        stored = await database.fetch(_STORED, f"{self.name}-%")
        lost = dict(self.made.items() - {(row["name"], row["id"]) for row in stored})
        again = len(stored) - len({row["name"] for row in stored})
        events = await database.fetch(_EVENTS, [f"campaign-{row['id']}" for row in stored])
        measured.add(commands=len(self.made), refused=self.answers[503], lost=len(lost), commands_doubled=again)
        assert not lost, "told to be made, and not there"
        assert not again, "made twice"
        assert [row["events"] for row in events] == [1] * len(stored), "a campaign without the event that made it"
        assert not self.unhelpful, self.answers


@asynccontextmanager
async def calling(installation: Installation, name: str) -> AsyncIterator[PersistentCaller]:
    """At work until the block ends, and then to the end of what it is about."""
    caller, enough = PersistentCaller(installation, name), asyncio.Event()
    calls = asyncio.create_task(caller.call_until(enough))
    try:
        yield caller
        enough.set()
        await calls
    finally:
        calls.cancel()
