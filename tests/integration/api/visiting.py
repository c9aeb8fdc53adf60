"""Somebody at the console, over HTTP: what a browser would send, one header at a time."""

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import aiohttp

from tests.integration.api.conftest import Client

OURS = {"Sec-Fetch-Site": "same-origin"}


@dataclass(frozen=True)
class Seen:
    status: int
    headers: Any
    html: str

    @property
    def words(self) -> str:
        """What is read on the page, in one line."""
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", self.html)).split())

    @property
    def token(self) -> str:
        found = re.search(r'name="token" value="([^"]+)"', self.html)
        assert found, self.words
        return found[1]

    @property
    def actions(self) -> list[str]:
        """Where the forms of the page lead, but for the one that signs out."""
        return [action for action in re.findall(r'action="([^"]+)"', self.html) if action != "/console/logout"]


@dataclass
class Visitor:
    url: str
    session: aiohttp.ClientSession
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def cookie(self) -> str:
        """The header."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    async def send(self, method: str, path: str, *, data: Any = None, **headers: str) -> Seen:
        """``headers``: with underscores for hyphens."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies and "Cookie" not in given:
            given["Cookie"] = self.cookie
        async with self.session.request(
            method, self.url + path, data=data, headers=given, allow_redirects=False
        ) as answer:
            for cookie in answer.headers.getall("Set-Cookie", []):
                self._take(cookie)
            return Seen(answer.status, answer.headers, await answer.text())

    def _take(self, cookie: str) -> None:
        name, _, value = cookie.partition(";")[0].partition("=")
        if cookie.endswith("Max-Age=0"):
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value

    async def get(self, path: str = "/console", **headers: str) -> Seen:
        return await self.send("GET", path, **headers)

    async def enter(self, key: str | None, to: str = "/console", **headers: str) -> Seen:
        return await self.send("POST", "/console/login", data={"key": key or "", "to": to}, **(headers or OURS))

    async def press(self, path: str, token: str | None = None, **said: str) -> Seen:
        """A button of a page of this session."""
        token = (await self.get()).token if token is None else token
        return await self.send("POST", path, data={"token": token, **said}, **OURS)


async def visit(client: Client) -> Visitor:
    """Signed in with the client's key."""
    visitor = Visitor(client.url, client.session)
    assert (await visitor.enter(client.key)).status == 303
    return visitor
