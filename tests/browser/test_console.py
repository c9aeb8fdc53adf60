"""The operator console in a real browser, on a real Postroom that is sending."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
import pytest

from tests.acceptance.postroom_process import up
from tests.browser.console_site import A_FEW_A_SECOND, CANARY, PEOPLE, Site
from tests.browser.hands import PHONE, Person, somebody
from tests.browser.tab import Browser

pytestmark = pytest.mark.timeout(700)  # the first may wait for a download; each step has a limit of its own

PLACES: Final = (
    *("/console", "/console/campaigns", "/console/callbacks", "/console/parked", "/console/jobs"),
    *(
        "/console/splittests",
        "/console/splittest/1",
        "/console/suppressions",
        "/console/task/1",
        "/console/task/1/contact",
        "/console/campaign/1",
    ),
)
STATE: Final = "document.querySelector('#state .badge').innerText"
SETTLED: Final = "parseInt(document.querySelector('#progress .n').innerText.replaceAll(',', ''))"


@pytest.fixture(scope="module")
async def site() -> AsyncIterator[Site]:
    """Every name in it is a canary."""
    with up() as running:
        async with aiohttp.ClientSession() as session:
            site = Site(running.ready["api"], running.ready["api_key"], session)
            await site.add_people(CANARY[:255], PEOPLE)
            await site.add_message(CANARY)
            await site.add_task(CANARY, scheduledtime=4_000_000_000)
            await site.call("POST", "/domain", {"name": "bounce.example.com", "bouncing": True})
            await site.add_campaign(CANARY)
            await site.add_split_test(CANARY, [1, await site.add_message(CANARY)])
            suppressed = {"email": "angry@example.org", "source": CANARY, "detail": CANARY, "reason": "complaint"}
            await site.call("POST", "/suppression", suppressed)
            await site.call(
                "POST", "/job", {"job": "import", "list": CANARY[:255], "emails": f"a@example.com,{CANARY}"}
            )
            yield site


@pytest.fixture
async def person(browser: Browser, site: Site) -> AsyncIterator[Person]:
    """Signed in as the operator, in a browser that has complained of nothing."""
    person = await somebody(browser, f"{site.api}/console/login")
    await person.look()
    await person.tab.ask("Network.clearBrowserCookies")
    await sign_in(person, site)
    browser.complaints.clear()
    yield person
    await person.leave()


async def sign_in(person: Person, site: Site, place: str = "/console") -> None:
    """As a hand does it: the field has the focus, the key is typed, Enter sends it."""
    await person.go(site.api + place)
    await person.until("document.activeElement.id === 'key'")
    await person.type(site.key)
    await person.press("Enter")
    await person.until("document.querySelector('.who') !== null")


async def test_signing_in_leads_to_the_tasks_and_the_key_stays_out_of_sight(person: Person, site: Site) -> None:
    """No script reads the cookie; signing out shows nothing any more."""
    assert await person.value("location.pathname") == "/console"
    assert await person.text("h1") == "Tasks"
    assert site.key not in await person.tab.document()
    assert await person.value("document.cookie") == ""
    assert await person.value("localStorage.length + sessionStorage.length") == 0
    cookies = (await person.tab.ask("Network.getAllCookies"))["cookies"]
    assert [(each["httpOnly"], each["sameSite"], each["path"]) for each in cookies] == [(True, "Strict", "/console")]

    await person.click(".leave button")
    await person.until("document.getElementById('key') !== null")
    await person.go(f"{site.api}/console/task/1")
    assert await person.text("h1") == "Sign in"


async def test_a_task_is_watched_paused_resumed_and_cancelled_while_it_runs(
    person: Person, site: Site, browser: Browser
) -> None:
    """The page is loaded once for each button and never for a figure; what it says at last is what the API says."""
    task = await site.add_task("Live", rate=A_FEW_A_SECOND)
    await person.go(f"{site.api}/console/task/{task}")
    await person.until("document.getElementById('live').innerText === 'Live'")
    await person.value("window.loadedOnce = true")
    first = await person.until(f"{STATE} === 'sending' && {SETTLED} > 0 && {SETTLED}")
    await person.until(f"{SETTLED} > {first}")
    assert await person.value("window.loadedOnce")
    assert "percent settled" in await person.value("document.getElementById('said').textContent")

    await person.click("form[action$='/pause'] button")
    await person.until(f"{STATE} === 'paused' && window.loadedOnce === undefined")
    assert (await site.call("GET", f"/task/{task}"))["paused"]
    await person.click("form[action$='/resume'] button")
    paused_at = await person.until(f"{STATE} === 'sending' && {SETTLED}")
    await person.until(f"{SETTLED} > {paused_at}")

    await person.click("details[data-if='can-cancel'] summary")
    await person.click("form[action$='/cancel'] button")
    audience = (await site.call("GET", f"/task/{task}/report"))["audience"]
    await person.until(f"{STATE} === 'cancelled' && {SETTLED} === {audience}")
    report = await site.call("GET", f"/task/{task}/report")
    shown = await person.value(
        "Object.fromEntries([...document.querySelectorAll('#states [data-state]')].map(row =>"
        " [row.dataset.state, parseInt(row.querySelector('.n').innerText.replaceAll(',', ''))]))"
    )
    assert shown == {
        state: count for state, count in report["states"].items() if count or state in ("accepted", "pending")
    }
    assert await person.value("document.querySelector('#chart .course.submitted').childElementCount") >= 1
    assert await person.value("document.querySelector('.buttons form').checkVisibility()") is False
    assert browser.complaints == []


async def test_what_somebody_else_does_shows_by_itself(person: Person, site: Site) -> None:
    """The state, its reason, and which buttons there are; in the list as well as on the page of the task."""
    task = await site.add_task("Elsewhere", scheduledtime=4_000_000_000)
    other = await somebody(person.tab.browser, f"{site.api}/console")
    await person.go(f"{site.api}/console/task/{task}")
    await person.until("document.getElementById('live').innerText === 'Live'")
    await other.until("document.getElementById('live').innerText === 'Live'")
    await site.call("PUT", f"/task/{task}", {"paused": True})

    await person.until(f"{STATE} === 'paused'")
    await person.until("document.querySelector(\"form[action$='/resume']\").checkVisibility()")
    assert not await person.value("document.querySelector(\"form[action$='/pause']\").checkVisibility()")
    await other.until(f"document.querySelector('#t{task}-state .badge').innerText === 'paused'")
    newer = await site.add_task("Newer", scheduledtime=4_000_000_000)
    await other.until("document.getElementById('newer').checkVisibility()")
    await other.click("#newer a")
    await other.until(f"document.getElementById('t{newer}-state') !== null")
    await site.call("PUT", f"/task/{newer}", {"cancelled": True})
    await other.leave()


async def test_everything_can_be_reached_and_done_by_keyboard(person: Person, site: Site) -> None:
    """From signing in to the end of a task, always seeing where one is; the first step skips what is the same."""
    task = await site.add_task("Keys", scheduledtime=4_000_000_000)
    await person.go(f"{site.api}/console")
    await person.press("Tab")
    assert await person.value("document.activeElement.className") == "skip"
    assert await person.value("document.activeElement.getBoundingClientRect().top >= 0")
    await person.press("Enter")
    assert await person.until("document.activeElement.id === 'content'")
    await person.tab_to(f"a[href='/console/task/{task}']")
    await person.press("Enter")
    await person.until(f"location.pathname === '/console/task/{task}' && document.readyState === 'complete'")
    await person.tab_to("form[action$='/pause'] button")
    await person.press("Space")
    await person.until(f"{STATE} === 'paused'")
    await person.tab_to("details summary")
    await person.press("Enter")
    await person.tab_to("form[action$='/cancel'] button")
    await person.press("Enter")
    await person.until(f"{STATE} === 'cancelled'")
    await person.tab_to("nav a[href='/console/suppressions']")
    await person.press("Enter")
    await person.until("location.pathname === '/console/suppressions' && document.readyState === 'complete'")
    await person.tab_to("#f-address")
    await person.type("angry@example.org")
    await person.press("Enter")
    await person.until("location.search.includes('angry') && document.body.innerText.includes('1 found')")
    await person.tab_to(".leave button")
    await person.press("Enter")
    await person.until("document.activeElement.id === 'key'")


async def test_no_page_breaks_its_policy_and_no_name_becomes_html(person: Person, site: Site, browser: Browser) -> None:
    """Every page with canaries in every name; then one picture from elsewhere, which shows that this is noticed."""
    await person.tab.ask("Page.addScriptToEvaluateOnNewDocument", source="window.canary = () => { window.sang = true }")
    jobs = await person_at(person, site, "/console/jobs")
    [job] = await jobs.value("[...document.querySelectorAll('.cards th a')].map(a => a.getAttribute('href'))")
    for place in (*PLACES, job, "/console/login", "/console/nothing"):
        await person_at(person, site, place)
        assert await person.value("window.sang === undefined"), place
        assert await person.value("document.querySelectorAll('main img, main script').length") == 0, place
    await person_at(person, site, "/console")
    assert CANARY in await person.value("document.body.textContent")
    allowed = [each for each in browser.complaints if "404" in each]  # of the page that is not there
    assert [each for each in browser.complaints if each not in allowed] == []

    await person.value("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/'}))")
    await until_complained(browser, "violates the following Content Security Policy")


async def person_at(person: Person, site: Site, place: str) -> Person:
    await person.go(site.api + place)
    if await person.value("document.body.dataset.live !== undefined"):
        await person.until("document.getElementById('live').innerText === 'Live'")
    return person


async def until_complained(browser: Browser, of: str) -> None:
    async with asyncio.timeout(20):
        while not any(of in each.replace("\\", "") for each in browser.complaints):
            await asyncio.sleep(0.05)


async def test_on_a_phone_nothing_lies_beside_the_screen(person: Person, site: Site) -> None:
    """At 375 pixels no page scrolls sideways, nothing is cut off, and buttons can be hit."""
    await person.look(PHONE)
    for place in (*PLACES, "/console/login"):
        await person_at(person, site, place)
        assert await person.value("document.documentElement.scrollWidth") == 375, place
        beside = await person.value(
            "[...document.querySelectorAll('main *, header *')].filter(e => !e.closest('.unseen, .skip, thead')"
            " && e.getBoundingClientRect().right > 376).map(e => e.outerHTML.slice(0, 100))"
        )
        assert beside == [], place
        small = await person.value(
            "[...document.querySelectorAll('main button, main summary, main input:not([type=hidden])')]"
            ".filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 32).map(e => e.outerHTML)"
        )
        assert small == [], place


CONTRAST: Final = """
(() => {
  const channel = c => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
  const parts = c => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const ground = e => { for (; e; e = e.parentElement) {
    const c = parts(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] === 1) return c } };
  return [...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && !e.closest('.unseen, svg')
      && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())).map(e => {
    const [a, b] = [light(parts(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    return [(a + .05) / (b + .05), e.outerHTML.slice(0, 90)] }).filter(([ratio]) => ratio < 4.5);
})()
"""


@pytest.mark.parametrize("dark", [False, True], ids=["by day", "by night"])
async def test_words_stand_out_by_day_and_by_night(person: Person, site: Site, dark: bool) -> None:
    """The ground is dark where that is wished for; every word has a contrast of 4.5 to what is behind it."""
    await person.look(dark=dark)
    for place in (*PLACES, "/console/login"):
        await person_at(person, site, place)
        red = await person.value("parseInt(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])")
        assert (red < 64) == dark, place
        assert await person.value(CONTRAST) == [], place


async def test_the_description_of_the_api_is_shown_under_a_policy_of_its_own(person: Person, site: Site) -> None:
    """Every operation is on the page of docs, and the browser complains of nothing; what is added is not loaded."""
    await person.go(f"{site.api}/docs")
    await person.until("document.querySelectorAll('main h2').length > 80")
    assert "POST /task" in await person.text("main")
    assert person.tab.browser.complaints == []

    await person.value("document.body.append(Object.assign(new Image(), {src: '/console/static/icon.svg'}))")
    await until_complained(person.tab.browser, "violates the following Content Security Policy")
