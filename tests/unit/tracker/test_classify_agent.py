"""What kind of program asks, by what it says of itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from services.tracker.decisions.classify_agent import MOST_LETTERS, classify_agent, says_prefetch
from shared.domain.evidence import Agent

WEBKIT = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{} Safari/537.36"

SAID = [
    ("", Agent.EMPTY),
    ("   ", Agent.EMPTY),
    ("Mozilla/5.0", Agent.APPLE_PRIVACY),
    ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", Agent.GOOGLE_PROXY),
    (CHROME.format("42.0.2311.135") + " Edge/12.246 Mozilla/5.0", Agent.GOOGLE_PROXY),
    ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", Agent.YAHOO_PROXY),
    (CHROME.format("103.0.5060.134") + " BingPreview/1.0b", Agent.MICROSOFT_PREVIEW),
    ("Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5", Agent.MICROSOFT_PREVIEW),
    ("Microsoft Office Existence Discovery", Agent.MICROSOFT_PREVIEW),
    ("Barracuda Sentinel (EE)", Agent.LINK_SCANNER),
    (CHROME.format("99.0") + " Mimecast", Agent.LINK_SCANNER),
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Agent.BOT),
    ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", Agent.BOT),
    ("facebookexternalhit/1.1", Agent.BOT),
    ("TelegramBot (like TwitterBot)", Agent.BOT),
    ("WhatsApp/2.23.20.0 A", Agent.BOT),
    ("curl/8.5.0", Agent.LIBRARY),
    ("python-requests/2.31.0", Agent.LIBRARY),
    ("Python/3.11 aiohttp/3.9.1", Agent.LIBRARY),
    ("Go-http-client/2.0", Agent.LIBRARY),
    ("Java/17.0.1", Agent.LIBRARY),
    ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/118.0 Safari/537.36", Agent.LIBRARY),
    ("Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Microsoft Outlook 16.0.5095; ms-office)", Agent.MAIL_CLIENT),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Thunderbird/115.4.1", Agent.MAIL_CLIENT),
    (WEBKIT, Agent.MAIL_CLIENT),
    (WEBKIT + " Version/17.0 Safari/605.1.15", Agent.BROWSER),
    (CHROME.format("120.0.0.0"), Agent.BROWSER),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", Agent.BROWSER),
    ("Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36 Chrome/88.0 Mobile Safari/537.36", Agent.BROWSER),
    ("Opera/9.80 (J2ME/MIDP; Opera Mini/7.1) Presto/2.8.119", Agent.BROWSER),
    ("Dalvik/2.1.0 (Linux; U; Android 13; SM-G991B)", Agent.UNKNOWN),
    ("Reader of my own", Agent.UNKNOWN),
]


@pytest.mark.parametrize(("text", "agent"), SAID, ids=[f"{agent.name}-{text[-24:]}" for text, agent in SAID])
def test_a_program_is_what_it_says_it_is(text: str, agent: Agent) -> None:
    """In whatever case it says so."""
    assert classify_agent(text) is agent
    assert classify_agent(text.upper()) is agent


@given(st.text(max_size=2000))
def test_any_text_has_a_class(text: str) -> None:
    assert classify_agent(text) is not Agent.NOT_RECORDED


def test_what_comes_late_in_a_long_text_is_not_looked_at() -> None:
    """Nobody can make us read more, or remember more, than that."""
    assert classify_agent("Mozilla/5.0 x".ljust(MOST_LETTERS) + "Googlebot/2.1") is Agent.BROWSER


@pytest.mark.parametrize(
    ("name", "value", "prefetch"),
    [
        ("Sec-Purpose", "prefetch", True),
        ("Sec-Purpose", "prefetch;prerender", True),
        ("Sec-Purpose", "Prefetch;anonymous-client-ip", True),
        ("Purpose", "prefetch", True),
        ("X-Purpose", "preview", True),
        ("x-moz", "prefetch", True),
        ("Sec-Purpose", "navigate", False),
        ("Referer", "prefetch", False),
    ],
)
def test_a_browser_that_fetches_unasked_says_so(name: str, value: str, prefetch: bool) -> None:
    assert says_prefetch(CIMultiDict({name: value})) is prefetch
