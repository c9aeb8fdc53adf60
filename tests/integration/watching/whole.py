"""All three services in this process on one database, and what they say to those who watch them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from services.api.app import RunningApi, start_api
from services.api.keys import create_key
from services.dispatcher.app import RunningDispatcher, start_dispatcher
from services.tracker.app import RunningTracker, start_tracker
from shared.bus.in_process import InProcess
from shared.delivery_log.append import DeliveryLog
from shared.domain.refusal import Refused
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime.settings import read_settings
from tests.integration.dispatcher.dispatching import SECRET_TEXT


@dataclass
class Whole:
    api: RunningApi
    tracker: RunningTracker
    dispatcher: RunningDispatcher
    database: Database
    session: aiohttp.ClientSession
    key: str

    async def call(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
        sent = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        async with self.session.request(method, self.api.url + path, json=body, headers=sent) as answer:
            assert answer.status < 300, (path, answer.status, await answer.text())
            return await answer.json()

    async def scrape(self) -> list[Sample]:
        """What the three say, read as Prometheus does; one that does not answer says nothing."""
        host, port = self.dispatcher.probes.addresses[0][:2]
        urls = {"api": self.api.url, "tracker": self.tracker.url, "dispatcher": f"http://{host}:{port}"}
        samples: list[Sample] = []
        for job, url in urls.items():
            try:
                async with self.session.get(f"{url}/metrics") as answer:
                    assert answer.status == 200
                    text = await answer.text()
            except aiohttp.ClientConnectionError:
                continue
            found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
            samples += [sample._replace(labels={**sample.labels, "job": job}) for sample in found]
        return samples


@asynccontextmanager
async def whole_on(database: Database, bus: InProcess, journal: Path, relay: int, **more: str) -> AsyncIterator[Whole]:
    """``relay``: its port. ``more``: settings by their names in lower case."""
    environment = {
        "POSTROOM_DATABASE_URL": "given",
        "POSTROOM_BUS_URL": "inprocess:",
        "POSTROOM_SECRET": SECRET_TEXT,
        "POSTROOM_SMTP_URL": f"smtp://127.0.0.1:{relay}?starttls=none",
        "POSTROOM_JOURNAL_DIR": str(journal),
        "POSTROOM_DNS_CHECK": "off",
        "POSTROOM_EGRESS_ALLOW": "127.0.0.0/8",
        "POSTROOM_SWEEP_SECONDS": "0.1",
        "POSTROOM_CALLBACK_WINDOW_SECONDS": "1",
        **{f"POSTROOM_{part}_PORT": "0" for part in ("API", "TRACKER", "BOUNCE", "METRICS")},
        **{f"POSTROOM_{name.upper()}": value for name, value in more.items()},
    }
    settings = read_settings(environment, frozenset())
    store, log = PostgresEventStore(database), DeliveryLog(database)
    async with AsyncExitStack() as stack:
        tracker = await start_tracker(settings, database, store, log, bus)
        stack.push_async_callback(tracker.stop)
        dispatcher = await start_dispatcher(settings, database, store, log, bus)
        stack.push_async_callback(dispatcher.stop, 5.0)
        api = await start_api(settings, database, store, bus)
        stack.push_async_callback(api.stop)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        made = await create_key(database, store, settings.secret, "acme", "ann", "admin", "test")
        assert not isinstance(made, Refused)
        yield Whole(api, tracker, dispatcher, database, session, made["key"])
