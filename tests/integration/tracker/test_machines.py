"""People and machines at the intake: what they do over real sockets, and what they are counted as.

The clock is the test's, so that an hour later is now.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from pyroaring import BitMap

from services.tracker.intake.inbound_sms import InboundDesk
from services.tracker.intake.inbound_web import InboundWeb
from services.tracker.intake.journal import HitJournal
from services.tracker.intake.known_tasks import KnownTasks
from services.tracker.intake.observe import Observer
from services.tracker.intake.record import HitRecorder
from services.tracker.intake.task_copy import TaskCopy
from services.tracker.intake.unsubscribe import Unsubscriber
from services.tracker.intake.web import Intake
from services.tracker.metrics import Metrics
from services.tracker.site import open_site
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.ordinal_sets import read_people, read_sets
from shared.delivery_log.segments import decode_hits
from shared.domain.delivery import Kind
from shared.domain.evidence import Agent, Evidence, Network, unpack
from shared.domain.identifiers import Instant
from shared.domain.tokens import TokenKeys, TokenKind
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime import clock
from tests.integration.tracker.running_projectors import HASHES, project_all
from tests.integration.tracker.sent_tasks import NOON, create_message, send_task

#: Task n is of the message n, which has n links.
TASKS: Final = (1, 2, 3, 6)
RECIPIENTS = 100

BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36"
APPLE = "Mozilla/5.0"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
LIBRARY = "python-requests/2.31.0"

HOUR = 3600.0


@dataclass
class Web:
    """Whoever fetches, from one address or another and at whatever time."""

    url: str
    session: aiohttp.ClientSession
    keys: TokenKeys = field(default_factory=lambda: TokenKeys([b"k" * 32]))
    now: Instant = NOON

    async def fetch(self, task: int, ordinal: int, link: int, headers: dict[str, str], method: str = "GET") -> int:
        """``link`` 0: the pixel."""
        kind, path = (TokenKind.CLICK, "c") if link else (TokenKind.OPEN, "o")
        url = f"{self.url}/{path}/{self.keys.web(task, ordinal, kind, link)}"
        async with self.session.request(method, url, headers=headers, allow_redirects=False) as answer:
            return answer.status


@pytest.fixture
async def site(database: Database, delivery_log: DeliveryLog, tmp_path: Path) -> AsyncIterator[Web]:
    """An intake behind a proxy at 127.0.0.1, which it trusts."""
    store = PostgresEventStore(database)
    for task in TASKS:
        await create_message(store, task, [f"https://shop.example/{link}" for link in range(1, task + 1)])
        await send_task(store, task, RECIPIENTS, message_id=task)
    async with aiohttp.ClientSession(skip_auto_headers=["User-Agent"]) as session:
        site, metrics = Web("", session), Metrics()
        journal = HitJournal(tmp_path, 1 << 20, clock.random_id)
        intake = Intake(
            keys=site.keys,
            tasks=KnownTasks(database, journal, TaskCopy(tmp_path), clock.monotonic),
            observer=Observer([ip_network("127.0.0.0/8")]),
            recorder=HitRecorder(delivery_log, -9, journal, metrics),
            unsubscriber=Unsubscriber(database, HASHES, journal, clock.random_id, metrics),
            now=lambda: site.now,
            metrics=metrics,
            inbound=InboundWeb(
                site.keys, InboundDesk(database, HASHES, "", clock.now, clock.random_id, lambda: None, metrics)
            ),
        )
        runner, site.url = await open_site("127.0.0.1", 0, intake, metrics, ready=lambda: True)
        yield site
        await runner.cleanup()


async def machines(database: Database, task: int, kind: Kind) -> BitMap:
    await project_all(database)
    everybody = (await read_sets(database, task, [kind]))[kind]
    people = await read_people(database, task)
    assert people is not None
    return everybody - people[kind]


Fetch = tuple[float, int, str]  # seconds after the first, link, User-Agent


def burst(*links: int, at: float = 0.0, said: str = BROWSER, pause: float = 0.2) -> list[Fetch]:
    return [(at + place * pause, link, said) for place, link in enumerate(links)]


#: Links of the message, what happens, whether it looks like a machine's and nobody else's.
CLICKS: Final[dict[str, tuple[int, list[Fetch], bool]]] = {
    "one click": (3, [(0, 1, BROWSER)], False),
    "the only link there is": (1, [(0, 1, BROWSER)], False),
    "the same link again and again": (3, burst(1, 1, 1, 1), False),
    "two of three links in a row": (3, burst(1, 2), False),
    "both of two links within seconds": (2, burst(1, 2), True),
    "both of two links, read in between": (2, burst(1, 2, pause=6), False),
    "all of three links within seconds": (3, burst(1, 2, 3), True),
    "three of six links within seconds": (6, burst(4, 1, 5), True),
    "all of six links, one every six seconds": (6, burst(1, 2, 3, 4, 5, 6, pause=6), False),
    "two of six within five seconds each": (6, burst(1, 2, 3, 4, pause=3), False),
    "a scanner, and an hour and a half later the person": (6, [*burst(1, 2, 3), (1.5 * HOUR, 2, BROWSER)], False),
    "the person, and an hour and a half later a scanner": (6, [(0, 2, BROWSER), *burst(1, 2, 3, at=1.5 * HOUR)], False),
    "a scanner, the person, a scanner": (
        6,
        [*burst(1, 2, 3), (600, 2, BROWSER), *burst(1, 2, 3, at=1.5 * HOUR)],
        False,
    ),
    "a scanner twice": (6, [*burst(1, 2, 3), *burst(1, 2, 3, at=1.5 * HOUR)], True),
    "a scanner, and a library later": (6, [*burst(1, 2, 3), (600, 1, LIBRARY)], True),
    "a scanner, and the person in the same minute": (6, [*burst(1, 2, 3), (40, 2, BROWSER)], True),
    "a scanner that gives its name, and the person in the same minute": (
        6,
        [*burst(1, 2, 3, said="Barracuda Sentinel (EE)"), (40, 2, BROWSER)],
        False,
    ),
    "a scanner over the turn of a minute": (6, burst(1, 2, 3, 4, at=58.0, pause=1.5), True),
    "a library": (6, [(0, 1, LIBRARY)], True),
    "a library, and the person": (6, [(0, 1, LIBRARY), (1, 1, BROWSER)], False),
    "an agent that says nothing": (6, [(0, 1, "")], True),
}


async def test_clicks_of_machines_are_told_from_those_of_people(site: Web, database: Database) -> None:
    """Each row of the table is a recipient; all of them are counted as raw uniques."""
    for ordinal, (links, fetches, _) in enumerate(CLICKS.values()):
        for after, link, said in fetches:
            site.now = Instant(NOON + 24 * HOUR * ordinal + after)
            assert await site.fetch(links, ordinal, link, {"User-Agent": said}) == 302

    found = {task: await machines(database, task, Kind.CLICKED) for task in TASKS}
    unique = [len((await read_sets(database, task, [Kind.CLICKED]))[Kind.CLICKED]) for task in TASKS]

    names = list(CLICKS)
    assert {names[ordinal] for ordinals in found.values() for ordinal in ordinals} == {
        name for name, (_, _, machine) in CLICKS.items() if machine
    }
    assert sum(unique) == len(CLICKS)


def from_address(address: str, said: str = BROWSER) -> dict[str, str]:
    return {"User-Agent": said, "X-Forwarded-For": address}


#: Requests for the pixel by their headers, whether all look like a machine's, and what is stored of the last.
OPENS: Final[dict[str, tuple[list[dict[str, str]], bool, Evidence]]] = {
    "a browser": ([from_address("203.0.113.9")], False, Evidence(Agent.BROWSER, Network.OTHER)),
    "Apple's proxy": ([from_address("172.224.1.1", APPLE)], True, Evidence(Agent.APPLE_PRIVACY, Network.OTHER)),
    "a browser at Apple": ([from_address("17.58.1.1")], True, Evidence(Agent.BROWSER, Network.APPLE)),
    "who only says he is at Apple": (
        [from_address("17.58.1.1, 203.0.113.9")],
        False,
        Evidence(Agent.BROWSER, Network.OTHER),
    ),
    "Gmail": ([from_address("66.249.84.1", GMAIL)], True, Evidence(Agent.GOOGLE_PROXY, Network.GOOGLE)),
    "Gmail, and a browser": (
        [from_address("66.249.84.1", GMAIL), from_address("203.0.113.9")],
        False,
        Evidence(Agent.BROWSER, Network.OTHER),
    ),
    "nobody asked": (
        [{"User-Agent": BROWSER, "Sec-Purpose": "prefetch"}],
        True,
        Evidence(Agent.BROWSER, Network.OTHER, prefetch=True),
    ),
    "no agent": ([{}], True, Evidence(Agent.EMPTY, Network.OTHER)),
}


async def test_opens_of_machines_are_told_from_those_of_people(site: Web, database: Database) -> None:
    """By the program, the network behind our proxy, and what the request says of itself."""
    stored = {}
    for ordinal, (name, (requests, _, _)) in enumerate(OPENS.items()):
        for headers in requests:
            assert await site.fetch(3, ordinal, 0, headers) == 200
        stored[name] = await last_evidence(database)

    found = await machines(database, 3, Kind.OPENED)

    assert stored == {name: evidence for name, (_, _, evidence) in OPENS.items()}
    assert [list(OPENS)[ordinal] for ordinal in found] == [name for name, (_, machine, _) in OPENS.items() if machine]
    assert (await read_sets(database, 3, [Kind.OPENED]))[Kind.OPENED] == BitMap(range(len(OPENS)))


async def last_evidence(database: Database) -> Evidence:
    hits = decode_hits(await database.fetch_value("SELECT hits FROM segment ORDER BY position DESC LIMIT 1"))
    return unpack(hits.evidence[-1])


async def test_a_head_is_no_company_for_a_click(site: Web, database: Database) -> None:
    """It counts nothing, and is not remembered either."""
    for link in (1, 2):
        await site.fetch(3, 0, link, {"User-Agent": BROWSER}, "HEAD")
    await site.fetch(3, 0, 3, {"User-Agent": BROWSER})

    assert await last_evidence(database) == Evidence(Agent.BROWSER, Network.OTHER)


async def test_neither_address_nor_agent_is_stored(
    site: Web, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """A stored click is header, ordinal, time, link and evidence, 28 bytes: there is no room for more."""
    await site.fetch(3, 0, 1, from_address("203.0.113.77", "Peculiar/77.7"))

    rows = await database.fetch("SELECT hits FROM segment")
    assert [len(row["hits"]) for row in rows] == [16 + 4 + 4 + 2 + 2]
    assert "203.0.113.77" not in caplog.text
    assert "Peculiar" not in caplog.text
