"""The API as the benchmarks drive it."""

from dataclasses import dataclass
from typing import Any

import aiohttp

from bench.stack import Stack

_SECONDS = 120.0
_AT_ONCE = 10_000  #: subscribers in one call, the most that the API takes


@dataclass(frozen=True, slots=True)
class ApiClient:
    session: aiohttp.ClientSession

    async def post(self, path: str, body: object) -> Any:
        async with self.session.post(path, json=body) as answer:
            if not answer.ok:
                raise RuntimeError(f"POST {path}: {answer.status} {await answer.text()}")
            return await answer.json()

    async def get(self, path: str) -> Any:
        async with self.session.get(path) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def make_list(self, name: str, size: int) -> int:
        """Its id."""
        made = await self.post("/list", {"name": name})
        for first in range(0, size, _AT_ONCE):
            people = [
                {"email": f"{name}-{number}@example.com", "vars": {"name": f"Reader {number}"}}
                for number in range(first, min(first + _AT_ONCE, size))
            ]
            answer = await self.post(f"/list/{made['id']}/subscriber", people)
            if answer["failed"]:
                raise RuntimeError(f"subscribers were refused: {answer['errors'][:3]}")
        return int(made["id"])

    async def make_message(self, content_bytes: int, from_email: str = "bench@example.com", links: int = 1) -> int:
        """Personal, with tracked links, a pixel and a way out; ``content_bytes`` of prose besides."""
        prose = ("All work and no play makes a dull day. " * (content_bytes // 39 + 1))[:content_bytes]
        more = "".join(f"<a href='https://example.com/{number}'>see</a> " for number in range(1, links))
        made = await self.post(
            "/message",
            {
                "channel": "email",
                "name": "bench",
                "subject": "Hello {{ vars.name }}",
                "from_name": "Bench",
                "from_email": from_email,
                "text": "Hello {{ vars.name }}, see https://example.com/ or {{ unsubscribe_url }}",
                "html": "<p>Hello {{ vars.name }}, <a href='https://example.com/'>see</a></p>"
                f"<p>{prose}</p><p>{more}<a href='{{{{ unsubscribe_url }}}}'>Unsubscribe</a></p>",
            },
        )
        return int(made["id"])


def open_session(stack: Stack, key: str | None = None) -> aiohttp.ClientSession:
    """``key``: that of another account than the bench's own."""
    return aiohttp.ClientSession(
        stack.api,
        headers={"Authorization": f"Bearer {key or stack.key}"},
        timeout=aiohttp.ClientTimeout(total=_SECONDS),
    )
