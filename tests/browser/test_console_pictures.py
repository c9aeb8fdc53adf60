"""What the console looks like: pictured in a browser, small enough for a page of the docs.

They are written only where somebody asks for them, by ``WRITE_PICTURES=docs/images``.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.acceptance.postroom_process import Up, up
from tests.browser.console_site import A_FEW_A_SECOND, Site
from tests.browser.hands import PHONE, WIDE, Person, somebody
from tests.browser.tab import Browser

pytestmark = pytest.mark.timeout(700)

LARGEST = 150_000  #: bytes
READERS = 400
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


@pytest.fixture(scope="module")
async def shop() -> AsyncIterator[Site]:
    """A shop that writes to its customers: one task is done and was read, one goes on, one rests, one is to come."""
    with up() as running:
        async with aiohttp.ClientSession(headers=BROWSER) as session:
            site = Site(running.ready["api"], running.ready["api_key"], session)
            await site.add_people("Customers", READERS)
            await site.add_message("Autumn")
            first = await site.add_task("Autumn catalogue")
            await until_completed(site, first)
            await read_mails(running, session)
            resting = await site.add_task("Price list", rate=A_FEW_A_SECOND)
            await site.call("PUT", f"/task/{resting}", {"paused": True})
            await site.add_task("Weekly offers", rate=A_FEW_A_SECOND)
            await site.add_task("Winter catalogue", scheduledtime=1_800_000_000)
            yield site


async def until_completed(site: Site, task: int) -> None:
    async with asyncio.timeout(60):
        while not (await site.call("GET", f"/task/{task}"))["completed"]:
            await asyncio.sleep(0.1)


async def read_mails(running: Up, session: aiohttp.ClientSession) -> None:
    """Every second customer opens, every fifth of them follows the link."""
    for number in range(0, READERS, 2):
        url = f"{running.ready['inbox']}/messages"
        async with session.get(url, params={"to": f"reader{number}@example.com"}) as answer:
            ((mail,), kinds) = (await answer.json(), ("o", "c") if number % 10 == 0 else ("o",))
        for kind in kinds:
            found = re.search(rf"[^\"']+/{kind}/[^\"']+", mail["html"])
            assert found
            async with session.get(found[0], allow_redirects=False) as visited:
                assert visited.status in (200, 302)


def picture(name: str, png: bytes) -> None:
    assert png.startswith(b"\x89PNG")
    assert len(png) < LARGEST
    if wanted := os.environ.get("WRITE_PICTURES"):
        folder = Path(wanted)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png)


async def take(person: Person, url: str, size: tuple[int, int], *, dark: bool, until: str) -> bytes:
    """What is on the screen, once the figures are live and say what is waited for."""
    await person.look(size, dark=dark)
    await person.go(url)
    await person.until(f"document.getElementById('live').innerText === 'Live' && ({until})")
    await person.value("document.activeElement.blur()")
    screen: dict[str, Any] = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}
    return await person.tab.picture(clip=screen)


async def test_the_console_fits_a_picture(browser: Browser, shop: Site) -> None:
    """The tasks by day, a task by day and by night, and the same on a phone, each with live figures."""
    person = await somebody(browser, f"{shop.api}/console")
    await person.tab.ask("Network.clearBrowserCookies")
    await person.go(f"{shop.api}/console")
    await person.until("document.activeElement.id === 'key'")
    await person.type(shop.key)
    await person.press("Enter")
    await person.until("document.querySelector('.who') !== null")

    rows = "document.querySelectorAll('tbody tr').length === 4 && document.body.innerText.includes('sending')"
    read = "/Clicked\\s+\\d\\d/i.test(document.querySelector('#funnel').innerText)"
    picture("console-tasks.png", await take(person, f"{shop.api}/console", (1100, 560), dark=False, until=rows))
    task = f"{shop.api}/console/task/1"
    picture("console-task.png", await take(person, task, WIDE, dark=False, until=read))
    picture("console-task-dark.png", await take(person, task, WIDE, dark=True, until=read))
    picture("console-phone.png", await take(person, task, PHONE, dark=False, until=read))
    await person.leave()
