"""The API at a URL, asked with a key. Answers are JSON; what is refused is an exception with every fault."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

SECONDS: Final = 60.0  #: for one answer


PATIENCE: Final = 30  #: seconds for which a command that waits anyway puts up with an API that is away
PAUSE: Final = 1.0


class ApiRefused(Exception):
    """The API said no, or nothing; ``faults``: a line each, for a person."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class ApiAway(ApiRefused):
    """It answers 503, or nothing: it may do so later."""


@dataclass(frozen=True, slots=True)
class Reply:
    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Connection:
    session: aiohttp.ClientSession
    url: str

    async def get(self, path: str, **query: object) -> Reply:
        given = {name: str(value) for name, value in query.items() if value is not None}
        return await self._ask("GET", path, params=given)

    async def get_patiently(self, path: str, **query: object) -> Reply:
        """The same, of somebody who has time."""
        for _ in range(int(PATIENCE / PAUSE)):
            try:
                return await self.get(path, **query)
            except ApiAway:
                await asyncio.sleep(PAUSE)
        return await self.get(path, **query)

    async def post(self, path: str, body: object) -> Reply:
        return await self._ask("POST", path, json=body)

    async def upload(self, path: str, fields: Mapping[str, str], name: str, data: bytes) -> Reply:
        """A form with a part named file."""
        form = aiohttp.FormData(dict(fields))
        form.add_field("file", data, filename=name, content_type="text/csv")
        return await self._ask("POST", path, data=form)

    async def _ask(self, method: str, path: str, **how: Any) -> Reply:
        """Raises ApiRefused, also when nobody answers."""
        try:
            async with self.session.request(method, self.url + path, allow_redirects=False, **how) as answer:
                body = await answer.json(content_type=None)
                if answer.status >= 300:
                    raise (ApiAway if answer.status == 503 else ApiRefused)(faults_in(answer.status, body))
                return Reply(body, answer.headers)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ApiAway([f"{self.url}: {str(error) or type(error).__name__}"]) from error


def faults_in(status: int, body: object) -> list[str]:
    """Every fault of a problem document, or what a refused job says; of something else, the status."""
    if isinstance(body, dict) and isinstance(body.get("errormsg"), str):
        return [body["errormsg"]]
    errors = body.get("errors") if isinstance(body, dict) else None
    if not isinstance(errors, list) or not errors:
        return [f"the API answered {status}"]
    return [f"{error.get('field', '')}: {error.get('message', '')}".removeprefix(": ") for error in errors]


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not close, a port beyond all
        return False


@asynccontextmanager
async def connect(url: str, key: str) -> AsyncIterator[Connection]:
    """Raises ApiRefused when the URL cannot be one."""
    if not _is_url(url):
        raise ApiRefused(["the URL of the API must be http:// or https://, with a host"])
    if not key or not key.isascii() or not key.isprintable():
        raise ApiRefused(["a key is needed: --key or POSTROOM_KEY"])
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}, timeout=timeout) as session:
        yield Connection(session, url.rstrip("/"))
