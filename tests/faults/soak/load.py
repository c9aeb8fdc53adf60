"""A steady load: tasks, campaigns that are called back, and readers; what was answered is written down."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import aiohttp
from pyroaring import BitMap

from shared.domain.delivery import Kind
from shared.domain.tokens import TokenKeys, TokenKind
from tests.faults.installation import SECRET, Installation
from tests.sinks.receiver import Receiver

PEOPLE: Final = 200  #: of the list that everything goes to
SEND_SECONDS: Final = (0.5, 3.0)  #: between two tasks or campaigns
READ_SECONDS: Final = (0.0, 0.04)
ANSWER_SECONDS: Final = 10.0
AGAIN_SECONDS: Final = 0.05
ASK_AGAIN: Final = frozenset({409, 429, 503})  #: the same is under way, or: come again

WAYS: Final[Mapping[str, tuple[TokenKind, Kind]]] = {
    "o": (TokenKind.OPEN, Kind.OPENED),
    "c": (TokenKind.CLICK, Kind.CLICKED),
}


@dataclass
class Load:
    """``asked`` and ``answered``: of readers, by task and kind. ``told``: how often which status was answered."""

    installation: Installation
    callback_url: str
    receiver: Receiver  #: behind that
    dice: random.Random
    tasks: list[int] = field(default_factory=list)
    campaigns: list[int] = field(default_factory=list)
    asked: defaultdict[tuple[int, Kind], BitMap] = field(default_factory=lambda: defaultdict(BitMap))
    answered: defaultdict[tuple[int, Kind], BitMap] = field(default_factory=lambda: defaultdict(BitMap))
    turned_away: int = 0
    told: "Counter[int]" = field(default_factory=Counter)
    _numbers: "count[int]" = field(default_factory=count)

    async def send(self, enough: asyncio.Event) -> None:
        """Ends with an answer to all that it asked for."""
        while not enough.is_set():
            await self._send_one(f"soak {next(self._numbers)}")
            await asyncio.sleep(self.dice.uniform(*SEND_SECONDS))

    async def read(self, enough: asyncio.Event) -> None:
        tokens = TokenKeys([SECRET])
        while not enough.is_set():
            taken = list(self.installation.relay.taken)
            for message_id in self.dice.choices(taken, k=20) if taken else ():
                sent = tokens.read_web(message_id.split(b"@")[0].decode())
                assert sent is not None
                await self._come(tokens, sent.task, sent.ordinal)
                await asyncio.sleep(self.dice.uniform(*READ_SECONDS))
            await asyncio.sleep(AGAIN_SECONDS)

    async def _send_one(self, name: str) -> None:
        if self.dice.random() < 0.6:
            task = {"channel": "email", "list_id": 1, "message_id": 1, "name": name, "scheduledtime": 0}
            paced = {"rate": 360_000} if self.dice.random() < 0.3 else {}
            self.tasks.append((await self.ask("POST", "/task", {**task, **paced}))["id"])
            return
        wish = {"name": name, "list": 1, "domain": 1, "event_callback": self.callback_url}
        campaign = (await self.ask("POST", "/campaign", wish))["id"]
        await self.ask("POST", f"/campaign/{campaign}/payload", {"channel": "email", "message_id": 1})
        await self.ask("PUT", f"/campaign/{campaign}", {"when": 0, "state": "SCHEDULED"})
        self.campaigns.append(campaign)

    async def ask(self, method: str, path: str, body: object) -> Any:
        """Again and again, of any API and with one key, until it is answered."""
        key = f"soak-{next(self._numbers)}"
        headers = {"Authorization": f"Bearer {self.installation.key}", "Idempotency-Key": key}
        while True:
            url = self.installation.url(self.dice.choice(("api", "api 2"))) + path
            try:
                async with (
                    asyncio.timeout(ANSWER_SECONDS),
                    self.installation.session.request(method, url, json=body, headers=headers) as answer,
                ):
                    self.told[answer.status] += 1
                    if answer.status < 300:
                        return await answer.json()
                    assert answer.status in ASK_AGAIN, (path, answer.status, await answer.text())
            except (aiohttp.ClientError, TimeoutError):
                self.told[0] += 1
            await asyncio.sleep(AGAIN_SECONDS)

    async def _come(self, tokens: TokenKeys, task: int, ordinal: int) -> None:
        way = self.dice.choice("oc")
        kind, counted = WAYS[way]
        url = self.installation.url(self.dice.choice(("tracker", "tracker 2")))
        path = f"/{way}/{tokens.web(task, ordinal, kind, int(way == 'c'))}"
        self.asked[task, counted].add(ordinal)
        try:
            async with (
                asyncio.timeout(ANSWER_SECONDS),
                self.installation.session.get(url + path, allow_redirects=False) as answer,
            ):
                if answer.status == 503:  # nobody knows a target of a task that began while Postgres was away
                    self.turned_away += 1
                    return
                assert answer.status in (200, 302), (way, answer.status)
                self.answered[task, counted].add(ordinal)
        except (aiohttp.ClientError, TimeoutError):
            pass  # nobody has promised him anything
