"""The one client for URLs that others gave us: callbacks, postbacks, files to import.

It follows no redirect, takes no proxy from the environment, keeps no cookie, unpacks nothing, and reads at most as much
as it is told to, in as much time as it is given. What it says of a failure names neither address nor URL.
"""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Self

import aiohttp
from yarl import URL

from shared.domain.egress import EgressRules, is_localhost
from shared.domain.outbound_url import OutboundUrl, parse_outbound_url
from shared.egress.dialling import Forbidden, Resolve, SystemResolver, checked_connector

MOST_BYTES: Final = 64 * 1024  #: of an answer that is only looked at
LOOK_SECONDS: Final = 2.0  #: after its status; what comes later of it is not waited for
LOOKUP_SECONDS: Final = 3.0  #: for the name in a URL that somebody just gave us
CHUNK_BYTES: Final = 64 * 1024

_FAILURES: Final = (OSError, aiohttp.ClientError, ValueError)  #: TimeoutError is the first of them
_HEADERS: Final = {"User-Agent": "Postroom", "Accept-Encoding": "identity"}


class NotReached(Exception):
    """There was no answer: ``str`` says why, in words that may be stored and shown."""


class Refused(NotReached):
    """The rules do not let us call it."""


class TooMuch(NotReached):
    """The answer is longer than was asked for."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]  #: by lower-case name, the last of each
    body: bytes  #: its beginning, see ``most_bytes``


@dataclass(frozen=True, slots=True)
class Download:
    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]  #: raises TooMuch, NotReached


class EgressClient:
    """``resolve``: asks for the addresses of a name; None: as the system does. To be closed."""

    def __init__(
        self, rules: EgressRules, resolve: Resolve | None = None, trusting: ssl.SSLContext | None = None
    ) -> None:
        self.rules = rules
        self._system = SystemResolver()
        self._resolve = resolve or self._system
        self._trusting = trusting
        self._opened: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.close()
        self._system.close()

    @property
    def _session(self) -> aiohttp.ClientSession:
        """Made when it is first needed: most processes never call anybody."""
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                connector=checked_connector(self.rules, self._resolve),
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("Content-Type",),
                headers=_HEADERS,
            )
        return self._opened

    async def refusal(self, text: str) -> str | None:
        """Why a URL is not to be taken; None: it may be. A name that cannot be resolved now is no reason."""
        url = parse_outbound_url(text)
        if isinstance(url, str):
            return url
        if (refusal := self.rules.refusal_of(url)) or url.literal is not None or is_localhost(url.host):
            return refusal
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                addresses = await self._resolve(url.host, url.port)
        except (OSError, UnicodeError):
            return None  # TimeoutError is one: it is checked again whenever it is dialled
        return self.rules.refusal_of_all(addresses, url.port)

    async def post(
        self, text: str, body: bytes, headers: Mapping[str, str], *, seconds: float, most_bytes: int = MOST_BYTES
    ) -> Answer:
        """Whatever was answered, a redirect too. Of a longer answer, or one that breaks off, the beginning: its status
        says whether it was taken. Raises NotReached.
        """
        response = await self._open("POST", text, seconds, headers, body)
        begun = bytearray()
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                async for chunk in _chunks_of(response, seconds):
                    begun += chunk
                    if len(begun) >= most_bytes:
                        response.close()
                        break
        except (TimeoutError, NotReached):
            response.close()
        finally:
            response.release()
        return Answer(response.status, _headers_of(response), bytes(begun[:most_bytes]))

    @asynccontextmanager
    async def download(self, text: str, *, seconds: float, most_bytes: int) -> AsyncIterator[Download]:
        """An answer read as it comes, in ``seconds`` in all, of at most ``most_bytes``. Raises NotReached."""
        response = await self._open("GET", text, seconds, {}, None)
        try:
            yield Download(response.status, _headers_of(response), _at_most(response, seconds, most_bytes))
        finally:
            response.close()

    async def _open(
        self, method: str, text: str, seconds: float, headers: Mapping[str, str], body: bytes | None
    ) -> aiohttp.ClientResponse:
        url = self._checked(text)
        try:
            return await self._session.request(
                method,
                _wire_url(url),
                data=body,
                headers={**_authorization(url), **headers},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=seconds),
                ssl=self._trusting or True,
            )
        except _FAILURES as error:
            # Without its cause: what the library says of a failure holds the URL, and headers with credentials.
            raise _failure_of(error, seconds) from None

    def _checked(self, text: str) -> OutboundUrl:
        url = parse_outbound_url(text)
        if isinstance(url, str):
            raise Refused(url)
        if refusal := self.rules.refusal_of(url):
            raise Refused(refusal)
        return url


async def _chunks_of(response: aiohttp.ClientResponse, seconds: float) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            yield chunk
    except _FAILURES as error:
        raise _failure_of(error, seconds) from None


async def _at_most(response: aiohttp.ClientResponse, seconds: float, most_bytes: int) -> AsyncIterator[bytes]:
    taken = 0
    async for chunk in _chunks_of(response, seconds):
        taken += len(chunk)
        if taken > most_bytes:
            raise TooMuch(f"the answer has more than {most_bytes} bytes")
        yield chunk


def _wire_url(url: OutboundUrl) -> URL:
    """Byte for byte what was given, apart from the credentials; ``encoded``: nothing is written anew. The query goes
    with the path: as a query, the library would leave out an empty one with its question mark.
    """
    query = "" if url.query is None else f"?{url.query}"
    return URL(url.origin, encoded=True).with_path(f"{url.path}{query}", encoded=True)


def _authorization(url: OutboundUrl) -> dict[str, str]:
    if url.credentials is None:
        return {}
    return {"Authorization": f"Basic {base64.b64encode(url.credentials).decode()}"}


def _headers_of(response: aiohttp.ClientResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _failure_of(error: BaseException, seconds: float) -> NotReached:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, Forbidden):
            return Refused(str(cause))
        cause = cause.__cause__ or cause.__context__
    match error:
        case TimeoutError():
            return NotReached(f"no answer within {seconds:g} s")
        case aiohttp.ClientConnectorDNSError():
            return NotReached("its name cannot be resolved")
        case aiohttp.ClientSSLError():
            return NotReached("TLS failed: its certificate or protocol was not accepted")
        case aiohttp.ClientConnectorError():
            return NotReached("the connection was refused or could not be made")
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | OSError():
            return NotReached("the connection was lost")
        case _:
            return NotReached("what it answered is not HTTP")
