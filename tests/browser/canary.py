"""A server that nobody should call: it notes who did. It also serves html plainly, to show what would have happened."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Hit:
    """``place``: where the html was shown that called; ``name``: of what it tried."""

    place: str
    name: str
    referrer: str | None = field(default=None, compare=False)


@dataclass(slots=True)
class Canary:
    port: int = 0
    hits: set[Hit] = field(default_factory=set)
    _pages: dict[str, str] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url(self, place: str) -> str:
        """What html at this place calls at, with a name behind it."""
        return f"{self.origin}/hit/{place}"

    def serve(self, path: str, html: str) -> str:
        """Its url: nothing guards who opens it."""
        self._pages[path] = f"<!doctype html>{html}"
        return f"{self.origin}/page/{path}"

    async def called(self, wanted: Collection[Hit], seconds: float = SECONDS) -> None:
        """Waits until all of these were there. Raises TimeoutError naming those that were not."""
        try:
            async with asyncio.timeout(seconds):
                while not self.hits >= set(wanted):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            missing = sorted(f"{hit.place}/{hit.name}" for hit in set(wanted) - self.hits)
            raise TimeoutError(f"never called: {', '.join(missing)}") from None

    async def note(self, request: web.Request) -> web.Response:
        told = request.match_info
        self.hits.add(Hit(told["place"], told["name"], request.headers.get("Referer")))
        self._news.set()
        return web.Response(headers={"Access-Control-Allow-Origin": "*"})

    async def show(self, request: web.Request) -> web.Response:
        return web.Response(text=self._pages[request.match_info["path"]], content_type="text/html")


@asynccontextmanager
async def watching() -> AsyncIterator[Canary]:
    canary = Canary()
    app = web.Application()
    app.router.add_route("*", "/hit/{place}/{name}{below:(/.*)?}", canary.note)
    app.router.add_get("/page/{path:.+}", canary.show)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    canary.port = runner.addresses[0][1]
    try:
        yield canary
    finally:
        await runner.cleanup()
