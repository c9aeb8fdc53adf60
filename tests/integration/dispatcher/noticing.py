"""Notices to be sent, and what became of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from services.dispatcher.channels.interface import Channel
from services.dispatcher.notices.courier import Courier
from services.dispatcher.notices.hand_over import HandOver
from services.dispatcher.notices.held_notice import NoticeLeases
from services.dispatcher.notices.send_notice import NoticeTools
from services.dispatcher.sending.journal import Journal
from services.dispatcher.sending.load_keys import SigningKeys
from shared.domain.identifiers import Channel as ChannelName
from shared.domain.retry_schedule import RetrySchedule
from shared.event_store.interface import Append
from shared.event_store.on_postgres import PostgresEventStore
from shared.notices.record import NewNotice, notice_row
from shared.postgres.database import Database
from shared.runtime import clock
from shared.suppression.address_hash import AddressHashes
from tests.integration.dispatcher.dispatching import KEYS
from tests.signing_domain import SECRET

PROOF = NewNotice(
    account_id=1,
    channel="email",
    purpose="proof",
    origin="proof-1",
    sender="b+proof@bounce.example",
    address="ann@example.org",
    content=b"Message-ID: <1@sender.example>\r\nSubject: [Test] Hello\r\n\r\nHello\r\n",
    expires_seconds=3_600.0,
)


def proof(number: int, **more: Any) -> NewNotice:
    content = b"Message-ID: <%d@sender.example>\r\n\r\nHello\r\n" % number
    mine = replace(PROOF, origin=f"proof-{number}", address=f"person-{number}@example.org", content=content)
    return replace(mine, **more)


async def add(database: Database, *notices: NewNotice) -> None:
    await PostgresEventStore(database).append(Append((), tuple(notice_row(notice) for notice in notices)))


async def states(database: Database) -> dict[str, str]:
    """By origin."""
    return {row["origin"]: row["state"] for row in await database.fetch("SELECT origin, state FROM notice")}


async def one(database: Database, origin: str = "proof-1") -> dict[str, Any]:
    row = await database.fetch_row("SELECT * FROM notice WHERE origin = $1", origin)
    assert row is not None
    return dict(row)


async def settled(database: Database, seconds: float = 20.0) -> dict[str, str]:
    """Once none is waiting."""
    return await until(database, "NOT EXISTS (SELECT FROM notice WHERE state = 'waiting')", seconds)


async def until(database: Database, condition: str, seconds: float = 20.0) -> dict[str, str]:
    async with asyncio.timeout(seconds):
        while not await database.fetch_value(f"SELECT {condition}"):
            await asyncio.sleep(0.02)
    return await states(database)


async def abandon(database: Database, owner: int, *, begun: bool) -> None:
    """As if a process had claimed everything and fallen silent."""
    await database.execute("UPDATE notice SET owner = $1, epoch = 1, begun = $2", owner, begun)


def tools_for(database: Database, folder: Path, monotonic: Callable[[], float] = clock.monotonic) -> NoticeTools:
    """Of the process number 1, with its journal in ``folder``; what is refused for now rests for an hour."""
    return NoticeTools(
        database=database,
        hand_over=HandOver(
            database=database,
            hashes=AddressHashes([SECRET]),
            keys=SigningKeys(database, [SECRET]),
            signing=ThreadPoolExecutor(1),
            dns_check=False,
        ),
        leases=NoticeLeases(database, 1, monotonic),
        journal=Journal(folder, 1),
        tokens=KEYS,
        schedule=RetrySchedule((3_600.0,)),
        owner=1,
        now=clock.now,
        monotonic=monotonic,
        jitter=lambda: 0.0,
        count=lambda channel, state: None,
        stopping=asyncio.Event(),
    )


@asynccontextmanager
async def courier(tools: NoticeTools, name: ChannelName, channel: Channel) -> AsyncIterator[Courier]:
    """One alone, whose steps are the test's to take."""
    alone = Courier(tools, name, channel)
    try:
        yield alone
    finally:
        await channel.close()
        tools.journal.close()
