"""A campaign over both channels, from its POST until its callbacks say what its reports say."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import aiohttp

from tests.integration.tracker.called_back import Told, told_by
from tests.sinks.receiver import OK, Request

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
EVENTS = {
    "email": ("submitted", "delivered", "bounced", "opened", "clicked"),
    "sms": ("delivered", "bounced"),
}
MAIL = {
    "channel": "email",
    "name": "Autumn",
    "subject": "Autumn",
    "from_email": "news@example.com",
    "html": '<p>Hello. <a href="https://example.com/autumn">Autumn</a> <a href="{{ unsubscribe_url }}">leave</a></p>',
}
TEXT = {"channel": "sms", "name": "Autumn", "sender": "Autumn", "body": "Autumn is here"}
POSTED_AT_ONCE = 5_000


@dataclass
class Postroom:
    """A running one, spoken to over HTTP."""

    ready: dict[str, Any]
    session: aiohttp.ClientSession

    async def call(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self.ready['api_key']}"}
        async with self.session.request(method, self.ready["api"] + path, json=body, headers=headers) as answer:
            assert answer.status < 300, (method, path, answer.status, await answer.text())
            return await answer.json()

    async def all_windows(self, campaign_id: int) -> list[Any]:
        windows: list[Any] = []
        path = f"/campaign/{campaign_id}/callback?count=1000"
        while path:
            headers = {"Authorization": f"Bearer {self.ready['api_key']}"}
            async with self.session.get(self.ready["api"] + path, headers=headers) as answer:
                windows += await answer.json()
                path = answer.headers.get("Link", "").partition("<")[2].partition(">")[0]
        return windows


@dataclass
class Audience:
    """What the endpoint was told. Each signature is proved as it comes: the standard's library takes none that is older
    than five minutes.
    """

    told: list[Told] = field(default_factory=list)
    secret: str = ""  #: of the account

    async def __call__(self, request: Request) -> bytes | None:
        self.told.append(told_by(request, self.secret))
        return OK


async def start_campaign(postroom: Postroom, url: str, people: int) -> int:
    """Its id. Everybody of the list has an email and a telephone."""
    made = await postroom.call("POST", "/list", {"name": "Everybody"})
    for first in range(0, people, POSTED_AT_ONCE):
        numbers = range(first, min(people, first + POSTED_AT_ONCE))
        await postroom.call("POST", f"/list/{made['id']}/subscriber", [_person(number) for number in numbers])
    domain = await postroom.call("POST", "/domain", {"name": "bounce.example.com", "bouncing": True})
    wish = {"name": "Autumn", "list": made["id"], "domain": domain["id"], "event_callback": url}
    campaign = await postroom.call("POST", "/campaign", wish)
    for message in (MAIL, TEXT):
        created = await postroom.call("POST", "/message", message)
        payload = {"channel": message["channel"], "message_id": created["id"]}
        await postroom.call("POST", f"/campaign/{campaign['id']}/payload", payload)
    await postroom.call("PUT", f"/campaign/{campaign['id']}", {"when": 0, "state": "SCHEDULED"})
    return int(campaign["id"])


def _person(number: int) -> dict[str, str]:
    """Their last four digits say what the gateway of the inbox makes of a text: of the first six not all is well."""
    ending = number + 1 if number < 6 else 1000 + number % 9000
    return {"email": f"reader{number}+x@example.com", "telephone": f"+4474{number // 9000:04}{ending:04}"}


async def read_mails(postroom: Postroom, readers: int) -> None:
    """So many people open their mail, some twice; every third follows its link. The inbox keeps the newest alone."""
    mails: dict[str, Any] = {}
    path = "/messages?count=1000"
    while path and len(mails) < readers:
        async with postroom.session.get(postroom.ready["inbox"] + path) as answer:
            found = await answer.json()
            path = answer.headers.get("Link", "").partition("<")[2].partition(">")[0]
        mails |= {mail["envelope"]["to"][0]: mail for mail in found if mail["channel"] == "email"}
    for number, mail in enumerate(list(mails.values())[:readers]):
        addresses = _Addresses()
        addresses.feed(mail["html"])
        tracker = postroom.ready["tracker"]
        pixel = next(url for url in addresses.found if "/o/" in url).partition("/o/")[2]
        link = next(url for url in addresses.found if "/c/" in url).partition("/c/")[2]
        visits = [f"{tracker}/o/{pixel}"] * (1 + number % 2) + [f"{tracker}/c/{link}"] * (number % 3 == 0)
        for url in visits:
            async with postroom.session.get(url, headers=BROWSER, allow_redirects=False) as answer:
                assert answer.status in (200, 302)


class _Addresses(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("href", "src") and value]


async def until_done(postroom: Postroom, campaign_id: int, seconds: float) -> None:
    """Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while (await postroom.call("GET", f"/campaign/{campaign_id}"))["state"] != "DONE":
            await asyncio.sleep(0.2)


@dataclass
class Totals:
    """Distinct people by (channel, event): as the reports have them, and as the receiver was told."""

    reported: dict[tuple[str, str], int] = field(default_factory=dict)
    told: dict[tuple[str, str], int] = field(default_factory=dict)
    ids: dict[str, set[Told]] = field(default_factory=dict)  #: what came under each id
    calls: int = 0


async def totals(postroom: Postroom, campaign_id: int, audience: Audience) -> Totals:
    found = Totals(calls=len(audience.told))
    for task_id in (await postroom.call("GET", f"/campaign/{campaign_id}"))["tasks"]:
        channel = (await postroom.call("GET", f"/task/{task_id}"))["channel"]
        unique = (await postroom.call("GET", f"/task/{task_id}/report"))["unique"]
        found.reported |= {(channel, event): unique[event] for event in EVENTS[channel] if unique[event]}
    people: dict[tuple[str, str], set[str]] = {}
    for told in audience.told:
        channel = "email" if "@" in told.people[0] else "sms"
        people.setdefault((channel, told.event), set()).update(told.people)
        found.ids.setdefault(told.id, set()).add(told)
    found.told = {key: len(who) for key, who in people.items()}
    return found


async def until_told(postroom: Postroom, campaign_id: int, audience: Audience, seconds: float) -> Totals:
    """Once nothing waits any more and the two agree. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            windows = await postroom.all_windows(campaign_id)
            if windows and all(window["state"] == "delivered" for window in windows):
                found = await totals(postroom, campaign_id, audience)
                if found.told == found.reported:
                    return found
            await asyncio.sleep(0.5)


def as_lines(found: Totals) -> Sequence[str]:
    return [
        f"{channel:<6} {event:<10} {found.reported[channel, event]:>9,} reported {found.told[channel, event]:>9,} told"
        for channel, event in found.reported
    ]
