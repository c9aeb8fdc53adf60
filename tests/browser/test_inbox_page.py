"""The inbox's pages in a real browser: mail is seen, and does nothing.

That nothing happened is known by what did: the same html, served plainly by somebody else, is opened after it in the
same browser, and there each trick works.
"""

import html
from contextlib import suppress

import pytest

from tests.browser.canary import Canary, Hit
from tests.browser.conftest import Inbox
from tests.browser.tab import Browser, Tab
from tests.browser.tricks import TO_THE_TOP, TRICKS, every_trick, trick

pytestmark = pytest.mark.timeout(700)  # the first may wait for a download; each step has a limit of its own

UPPER_HALF = "style='position: fixed; top: 0; left: 0; width: 100%; height: 50%'"
LOWER_HALF = "style='position: fixed; top: 50%; left: 0; width: 100%; height: 50%'"


async def show_plainly(browser: Browser, canary: Canary, names: set[str]) -> None:
    """Until each has called: in a frame of its own, so that none is in another's way."""
    frames = "".join(
        f"<iframe src='{canary.serve(name, trick(name, canary.url('plain')))}'></iframe>" for name in sorted(names)
    )
    await browser.begin(canary.serve(f"frames/{min(names)}", frames))
    await canary.called({Hit("plain", name) for name in names})


async def test_nothing_in_a_mail_calls_anywhere(browser: Browser, inbox: Inbox, canary: Canary) -> None:
    """All tricks in one mail and each in one of its own; as one sees it, and with the frame opened alone."""
    alone = [inbox.receive(trick(name, canary.url("inbox"))) for name in TRICKS]
    together = inbox.receive(every_trick(canary.url("inbox")))
    await browser.open(inbox.page(together))
    await browser.open(inbox.body(together))
    frames = "".join(
        f"<iframe src='{inbox.page(number)}'></iframe><iframe src='{inbox.body(number)}'></iframe>" for number in alone
    )
    await browser.open(canary.serve("everything", frames))
    for names in (TRICKS.keys() - TO_THE_TOP, *({name} for name in TO_THE_TOP)):
        await show_plainly(browser, canary, set(names))

    # The page, the frame in it, and the frame alone.
    assert {number: inbox.store.asked.count(number) for number in (*alone, together)} == dict.fromkeys(
        (*alone, together), 3
    )
    assert canary.hits == {Hit("plain", name) for name in TRICKS}


async def test_the_page_around_a_mail_is_as_it_was(browser: Browser, inbox: Inbox, canary: Canary) -> None:
    """The document of the page is the one that a harmless mail has, but for its number."""
    wild, tame = inbox.receive(every_trick(canary.url("inbox"))), inbox.receive("<p>Hello</p>")
    documents = [
        (await (await browser.open(inbox.page(number))).document()).replace(f"/{number}/", "/N/")
        for number in (wild, tame)
    ]

    assert documents[0] == documents[1]
    assert "CRUNCHY ARMCHAIR" in documents[0]


async def test_the_text_of_a_mail_is_seen(browser: Browser, inbox: Inbox, canary: Canary) -> None:
    """Whatever else is in it."""
    number = inbox.receive(f"<p>VERY <b>SMALL</b> TABLE</p>{every_trick(canary.url('inbox'))}")

    assert "<p>VERY <b>SMALL</b> TABLE</p>" in await (await browser.open(inbox.body(number))).document()


async def test_what_is_no_html_is_text(browser: Browser, inbox: Inbox, canary: Canary) -> None:
    """Headers, text and SMS that look like html call nowhere: not in the list, not on their pages, not as source."""
    call = f"<img src='{canary.url('inbox')}/text'><script>new Image().src='{canary.url('inbox')}/text'</script>"
    mail = inbox.receive(None, text=call, Subject=call, **{"From": f'"{call}" <a@example.com>', "X-Own": call})
    sms = inbox.receive_sms(call, sender="<b>Shop</b>")
    urls = [f"{inbox.url}/", f"{inbox.url}/messages/{mail}/source", inbox.page(mail), inbox.page(sms)]
    documents = [await (await browser.open(url)).document() for url in urls]
    await browser.open(canary.serve("plain", f"<img src='{canary.url('plain')}/text'>"))
    await canary.called({Hit("plain", "text")})

    assert canary.hits == {Hit("plain", "text")}
    assert html.escape(call, quote=False) in documents[3]
    assert not any(mark in document for document in documents for mark in ("<img", "<script", "<b>Shop"))


@pytest.mark.parametrize(
    ("name", "markup"),
    [
        ("script", "<a href=\"javascript:void(new Image().src='{url}')\" {half}>x</a>"),
        ("form", "<form action='{url}'><button {half}>x</button></form>"),
        ("top", "<a href='{url}' target=_top {half}>x</a>"),
        ("itself", "<a href='{url}' target=_self {half}>x</a>"),
    ],
)
async def test_a_click_does_not_lead_this_page_away(
    browser: Browser, inbox: Inbox, canary: Canary, name: str, markup: str
) -> None:
    """Where it would, if the same stood on a page of its own. A link beside it shows that clicks arrive."""
    trap = markup.format(url=f"{canary.url('inbox')}/{name}", half=LOWER_HALF)
    tab = await browser.open(
        inbox.page(inbox.receive(f"<a href='{canary.url('inbox')}/link' {UPPER_HALF}>x</a>{trap}"))
    )
    before = await tab.document()
    await click_until(tab, canary, Hit("inbox", "link"), down=0.25)
    await tab.click("iframe", down=0.75)
    plain = canary.serve("plain", markup.format(url=f"{canary.url('plain')}/{name}", half=LOWER_HALF))
    await click_until(
        await browser.open(canary.serve("framed", f"<iframe src='{plain}'></iframe>")), canary, Hit("plain", name)
    )

    assert canary.hits == {Hit("inbox", "link"), Hit("plain", name)}
    assert await tab.document() == before


async def test_a_link_opens_elsewhere_and_does_not_say_where_it_was(
    browser: Browser, inbox: Inbox, canary: Canary
) -> None:
    """Links are real: in a tab of their own, and the page stays."""
    tab = await browser.open(inbox.page(inbox.receive(f"<a href='{canary.url('inbox')}/link' {LOWER_HALF}>x</a>")))
    before = await tab.document()
    await click_until(tab, canary, Hit("inbox", "link"))

    assert {hit.referrer for hit in canary.hits} == {None}
    assert await tab.document() == before


async def click_until(tab: Tab, canary: Canary, hit: Hit, down: float = 0.75) -> None:
    """A frame that has just come may not notice a click yet."""
    for _ in range(20):
        await tab.click("iframe", down)
        with suppress(TimeoutError):
            await canary.called({hit}, seconds=1.0)
            return
    pytest.fail(f"clicked and clicked, and nobody called: {hit}")
