"""Lets the readers read: through the links of the mails that really arrived."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import aiohttp

from services.standalone.demo.postroom_client import Unexpected
from services.standalone.demo.readers import LINKS, Reader

AT_ONCE = 32  #: readers who read at the same time
#: What their programs say they are: a library would be taken for a machine.
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


@dataclass(frozen=True, slots=True)
class Handles:
    """What a mail program would fetch or offer: every address is one of the tracker's."""

    pixel: str
    links: tuple[str, ...]
    unsubscribe: str


def find_handles(message: Any, tracker: str) -> Handles:
    """``message``: one of the inbox's. Raises Unexpected when the mail lacks one."""
    parser = _Addresses()
    parser.feed(message["html"] or "")
    pixels = [url for url in parser.pictures if url.startswith(f"{tracker}/o/")]
    links = [url for url in parser.links if url.startswith(f"{tracker}/c/")]
    unsubscribe = str(message["headers"].get("List-Unsubscribe", "")).strip("<>")
    if len(pixels) != 1 or len(links) != len(LINKS) or not unsubscribe.startswith(f"{tracker}/u/"):
        raise Unexpected(f"a mail without its pixel, links or way out: {message['html']!r} {message['headers']!r}")
    return Handles(pixels[0], tuple(links), unsubscribe)


async def play_readers(
    session: aiohttp.ClientSession,
    readers: Sequence[Reader],
    handles: Sequence[Handles],
    done: Callable[[], None],
) -> None:
    """The n-th reader has the n-th handles; ``done`` is called once a reader is through."""
    room = asyncio.Semaphore(AT_ONCE)

    async def play(reader: Reader, way: Handles) -> None:
        async with room:
            await _read(session, reader, way)
            done()

    await _together(play(reader, way) for reader, way in zip(readers, handles, strict=True))


async def _read(session: aiohttp.ClientSession, reader: Reader, way: Handles) -> None:
    """What one reader does again, she does at the same moment: counting must not mind."""
    await _together(_fetch(session, way.pixel) for _ in range(reader.opens))
    await _together(_follow(session, way.links[place], LINKS[place]) for place in reader.clicks)
    if reader.unsubscribes:
        await _leave(session, way.unsubscribe)


async def _together(calls: Iterable[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*calls)


async def _fetch(session: aiohttp.ClientSession, url: str) -> None:
    async with session.get(url, headers=BROWSER) as answer:
        if answer.status != 200 or answer.content_type != "image/gif":
            raise Unexpected(f"the pixel answered {answer.status} {answer.content_type}")


async def _follow(session: aiohttp.ClientSession, url: str, target: str) -> None:
    async with session.get(url, headers=BROWSER, allow_redirects=False) as answer:
        if answer.status != 302 or answer.headers.get("Location") != target:
            raise Unexpected(f"a link to {target} answered {answer.status} {answer.headers.get('Location')}")


async def _leave(session: aiohttp.ClientSession, url: str) -> None:
    async with session.post(url, data={"List-Unsubscribe": "One-Click"}) as answer:
        if not answer.ok:
            raise Unexpected(f"unsubscribing answered {answer.status}")


class _Addresses(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pictures: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a":
            self.links.append(given.get("href") or "")
        elif tag == "img":
            self.pictures.append(given.get("src") or "")
