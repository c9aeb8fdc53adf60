"""Postroom as any other program would use it: JSON over HTTP and a key, nothing else."""

from dataclasses import dataclass
from typing import Any

import aiohttp


class Unexpected(Exception):
    """An answer that is not a success; the message holds what it said."""


@dataclass(frozen=True, slots=True)
class PostroomClient:
    session: aiohttp.ClientSession
    api: str
    inbox: str
    key: str

    async def post(self, path: str, body: object) -> Any:
        return await self._call("POST", self.api + path, json=body, headers={"Authorization": f"Bearer {self.key}"})

    async def get(self, path: str) -> Any:
        return await self._call("GET", self.api + path, headers={"Authorization": f"Bearer {self.key}"})

    async def all_messages(self, channel: str, start: int = 0) -> list[Any]:
        """Everything of a channel that came into the inbox after the message ``start``, page by page."""
        found: list[Any] = []
        while page := await self._call("GET", f"{self.inbox}/messages?count=1000&start={start}"):
            start = page[-1]["id"]
            found += page
        return [message for message in found if message["channel"] == channel]

    async def _call(self, method: str, url: str, **how: Any) -> Any:
        async with self.session.request(method, url, **how) as answer:
            if not answer.ok:
                raise Unexpected(f"{method} {url}: {answer.status} {await answer.text()}")
            return await answer.json()
