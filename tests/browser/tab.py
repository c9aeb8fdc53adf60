"""Tabs of a browser, over its DevTools protocol: open a page, read its document, look at it, click on it."""

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

_COMPLAINTS: Final = frozenset({"Log.entryAdded", "Runtime.exceptionThrown"})
SECONDS: Final = 20.0  #: for one thing that is asked of the browser; it usually takes milliseconds


@dataclass(slots=True, eq=False)
class Browser:
    _line: aiohttp.ClientWebSocketResponse
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _asked: "dict[int, asyncio.Future[dict[str, Any]]]" = field(default_factory=dict)
    _loaded: set[str] = field(default_factory=set)  #: documents that came whole, frames and all
    complaints: list[str] = field(default_factory=list)  #: of tabs that ``watch_closely``
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self, url: str) -> "Tab":
        """A tab of its own, once everything on the page has come."""
        tab, document = await self.begin(url)
        await self.come(document)
        return tab

    async def come(self, document: str) -> None:
        async with asyncio.timeout(SECONDS):
            while document not in self._loaded:
                self._news.clear()
                await self._news.wait()

    async def begin(self, url: str) -> "tuple[Tab, str]":
        """The tab, and the name of the document that is on its way there: it may lead elsewhere before it has come."""
        target = (await self.ask("Target.createTarget", url="about:blank"))["targetId"]
        tab = Tab(self, (await self.ask("Target.attachToTarget", targetId=target, flatten=True))["sessionId"])
        await tab.ask("Page.enable")
        await tab.ask("Page.setLifecycleEventsEnabled", enabled=True)
        return tab, (await tab.ask("Page.navigate", url=url))["loaderId"]

    async def ask(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        request = {"id": number, "method": method, "params": params}
        await self._line.send_json(request if session is None else {**request, "sessionId": session})
        async with asyncio.timeout(SECONDS):
            found: dict[str, Any] = await answer
            return found

    async def listen(self) -> None:
        async for message in self._line:
            told = message.json()
            if "id" in told:
                self._settle(self._asked.pop(told["id"]), told)
            elif told["method"] == "Page.lifecycleEvent" and told["params"]["name"] == "load":
                self._loaded.add(told["params"]["loaderId"])
                self._news.set()
            elif told["method"] in _COMPLAINTS and told["params"].get("entry", {}).get("level") != "verbose":
                self.complaints.append(str(told["params"]))

    def _settle(self, asked: "asyncio.Future[dict[str, Any]]", told: dict[str, Any]) -> None:
        if asked.done():
            return  # nobody waits any more
        if "error" in told:
            asked.set_exception(AssertionError(told["error"]["message"]))
        else:
            asked.set_result(told["result"])


@dataclass(frozen=True, slots=True)
class Tab:
    browser: Browser
    session: str

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        return await self.browser.ask(method, self.session, **params)

    async def document(self) -> str:
        """As it stands now; no script is run to read it."""
        return str((await self.ask("DOM.getOuterHTML", nodeId=await self._root()))["outerHTML"])

    async def picture(self, clip: dict[str, Any] | None = None) -> bytes:
        """The whole page as a PNG, or a part of it."""
        part = {} if clip is None else {"clip": clip}
        taken = await self.ask("Page.captureScreenshot", captureBeyondViewport=True, **part)
        return base64.b64decode(taken["data"])

    async def click(self, selector: str, down: float = 0.5) -> None:
        """Into the first such element, so far down in it, as a hand does it. One that has just come may not notice."""
        await self.ask("Page.bringToFront")
        found = await self.ask("DOM.querySelector", nodeId=await self._root(), selector=selector)
        await self.ask("DOM.scrollIntoViewIfNeeded", nodeId=found["nodeId"])
        corners = (await self.ask("DOM.getBoxModel", nodeId=found["nodeId"]))["model"]["content"]
        top, bottom = corners[1], corners[5]
        where = {"x": (corners[0] + corners[2]) / 2, "y": top + (bottom - top) * down}
        for kind in ("mousePressed", "mouseReleased"):
            await self.ask("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **where)

    async def _root(self) -> int:
        return int((await self.ask("DOM.getDocument"))["root"]["nodeId"])


@asynccontextmanager
async def browsing(devtools: str) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession() as session, session.ws_connect(devtools, max_msg_size=0) as line:
        browser = Browser(line)
        listening = asyncio.create_task(browser.listen())
        try:
            yield browser
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
