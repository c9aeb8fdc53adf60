"""A running tracker, and somebody who got the messages of a task and does with them what readers do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from multidict import CIMultiDictProxy

from services.tracker.app import NEEDED, RunningTracker, start_tracker
from shared.bus.in_process import InProcess
from shared.delivery_log.append import DeliveryLog
from shared.domain.tokens import TokenKeys, TokenKind
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime.settings import Settings, read_settings
from tests.integration.tracker.sent_tasks import create_message, send_task

SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA=="
TASK, SEARCHED, RECIPIENTS = 7, 8, 300
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def settings_for(database_url: str, journal: Path) -> Settings:
    environment = {
        "POSTROOM_DATABASE_URL": database_url,
        "POSTROOM_BUS_URL": "inprocess:",
        "POSTROOM_SECRET": SECRET,
        "POSTROOM_TRACKER_PORT": "0",
        "POSTROOM_BOUNCE_PORT": "0",
        "POSTROOM_JOURNAL_DIR": str(journal),
    }
    return read_settings(environment, NEEDED)


@dataclass
class Reader:
    """Has got the messages of a task, and does with them what readers do."""

    tracker: RunningTracker
    keys: TokenKeys
    session: aiohttp.ClientSession

    def url(self, kind: TokenKind, ordinal: int, link: int = 0, task: int = TASK) -> str:
        path = {TokenKind.OPEN: "o", TokenKind.CLICK: "c", TokenKind.UNSUBSCRIBE: "u", TokenKind.RECEIPT: "r"}[kind]
        return f"{self.tracker.url}/{path}/{self.keys.web(task, ordinal, kind, link)}"

    async def ask(self, method: str, url: str, **more: object) -> tuple[int, bytes, CIMultiDictProxy[str]]:
        async with self.session.request(method, url, allow_redirects=False, **more) as answer:  # type: ignore[arg-type]  # whatever the test says
            return answer.status, await answer.read(), answer.headers

    async def open(self, ordinal: int) -> int:
        return (await self.ask("GET", self.url(TokenKind.OPEN, ordinal)))[0]

    async def click(self, ordinal: int, link: int) -> int:
        return (await self.ask("GET", self.url(TokenKind.CLICK, ordinal, link)))[0]

    async def unsubscribe(self, ordinal: int, wish: str = "One-Click", task: int = TASK) -> int:
        url = self.url(TokenKind.UNSUBSCRIBE, ordinal, task=task)
        return (await self.ask("POST", url, data={"List-Unsubscribe": wish}))[0]


@asynccontextmanager
async def reading(database: Database, database_url: str, journal: Path) -> AsyncIterator[Reader]:
    """Of a task to a list, and one to a search; its recipient n is the subscriber 1000 + n."""
    store = PostgresEventStore(database)
    await create_message(store, 1)
    await send_task(store, TASK, RECIPIENTS)
    await send_task(store, SEARCHED, RECIPIENTS, list_id=None)
    await subscribe_everybody(database)
    settings = settings_for(database_url, journal)
    tracker = await start_tracker(settings, database, store, DeliveryLog(database), InProcess())
    async with aiohttp.ClientSession() as session:
        yield Reader(tracker, TokenKeys(settings.secret), session)
    await tracker.stop()


async def subscribe_everybody(database: Database) -> None:
    """Subscriber 1000 + n is recipient n of both tasks, and on list 1."""
    await database.execute("INSERT INTO list (id, account_id, name, version, cdate) VALUES (1, 1, 'All', 1, now())")
    await database.execute(
        """INSERT INTO subscriber (id, account_id, email, cdate)
           SELECT 1000 + n, 1, 'reader' || n || '@example.org', now() FROM generate_series(0, $1 - 1) AS n""",
        RECIPIENTS,
    )
    await database.execute(
        """INSERT INTO subscription (list_id, subscriber_id, confirmed, signup_at)
           SELECT 1, id, true, now() FROM subscriber"""
    )
    await database.execute(
        """INSERT INTO contact_record (shard, task_id, ordinal, subscriber_id, address)
           SELECT 0, task_id, id - 1000, id, email FROM subscriber, unnest($1::bigint[]) AS task_id""",
        [TASK, SEARCHED],
    )


async def segments_stored(database: Database) -> int:
    return int(await database.fetch_value("SELECT count(*) FROM segment"))


async def is_drained(reader: Reader) -> bool:
    """Whether all that was journalled while Postgres was away is in it."""
    return not reader.tracker.journal.waiting_bytes()
