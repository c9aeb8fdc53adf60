"""What kind of program asks, by what it says of itself, and whether it says that nobody asked it to. Pure.

Whoever pretends to be a browser is one here: for those there is other evidence.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from shared.domain.evidence import Agent

MOST_LETTERS: Final = 512  #: of an agent's text that are looked at
_MOST_KEPT: Final = 4096  #: texts whose class is remembered: most requests come from few programs


def _words(listed: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in listed.split(","))


#: Class, what stands somewhere in the text, what it begins with; the first line that fits wins.
_TABLE: Final = (
    # The last is a browser that never was: Gmail fetches with it before the mail is opened.
    (Agent.GOOGLE_PROXY, _words("googleimageproxy, ggpht.com, edge/12.246 mozilla/5.0"), ()),
    (Agent.YAHOO_PROXY, _words("yahoomailproxy"), ()),
    (
        Agent.MICROSOFT_PREVIEW,
        _words("bingpreview, microsoftpreview, skypeuripreview, existence discovery, protocol discovery"),
        (),
    ),
    (
        Agent.LINK_SCANNER,
        _words(
            "barracuda, ciscosecureemail, cloudmark, fireeye, forcepoint, fortiguard, fortimail, fortinet, "
            "google-safety, ironport, messagelabs, mimecast, netcraft, proofpoint, safebrowsing, sophos, symantec, "
            "trend micro, trendmicro, urlscan, virustotal"
        ),
        (),
    ),
    # A robot tells where to complain.
    (
        Agent.BOT,
        _words("bot/, bot-, bot;, telegrambot, crawler, spider, slurp, externalhit, embedly, iframely, +http"),
        _words("whatsapp/"),
    ),
    (
        Agent.LIBRARY,
        _words("aiohttp, headlesschrome, phantomjs"),
        _words(
            "ahc/, amazon cloudfront, apache-http, axios, curl, faraday, go-http, got (, guzzle, httpx, java/, libwww, "
            "lwp, node, php, postman, python, ruby, scrapy, undici, wget"
        ),
    ),
    (
        Agent.MAIL_CLIENT,
        _words("outlook, ms-office, thunderbird, mailspring, airmail, em client, lotus-notes, postbox, yahoomobile"),
        (),
    ),
)


def classify_agent(text: str) -> Agent:
    """``text``: of the header User-Agent, whatever is in it; empty where there is none."""
    return _classify(text[:MOST_LETTERS])


@lru_cache(maxsize=_MOST_KEPT)
def _classify(text: str) -> Agent:
    said = text.strip().lower()
    if not said:
        return Agent.EMPTY
    if said == "mozilla/5.0":
        return Agent.APPLE_PRIVACY  # all that its proxies say
    for agent, within, begins in _TABLE:
        if said.startswith(begins) or any(word in said for word in within):
            return agent
    if not said.startswith(("mozilla/", "opera/")):
        return Agent.UNKNOWN
    # Apple Mail, and every other program that shows mail by WebKit, leaves out what browsers add.
    return Agent.MAIL_CLIENT if "applewebkit/" in said and "safari/" not in said else Agent.BROWSER


_PURPOSES: Final = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")


def says_prefetch(headers: Mapping[str, str]) -> bool:
    """``headers``: their names in any case. Browsers fetch what may be wanted next, and say so."""
    said = [headers[name].lower() for name in _PURPOSES if name in headers]
    return bool(said) and any(word in purpose for purpose in said for word in ("prefetch", "prerender", "preview"))
