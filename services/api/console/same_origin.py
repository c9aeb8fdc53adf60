"""Whether a form was sent by a page of ours. Pure."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

_OURS: Final = "same-origin"


def fault_in_origin(headers: Mapping[str, str]) -> str | None:
    """Why this POST is not taken; None: a page of this very origin sent it.

    A browser says so itself by Sec-Fetch-Site, whatever a proxy made of Host; where it does not (plain http, but for
    loopback), by Origin. Whoever says neither is no browser that this console is for.
    """
    site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    if site is not None:
        return None if site == _OURS else "this form came from another site"
    if origin is None:
        return "the browser does not say where this form came from"
    return None if _host(origin) == headers.get("Host", "").lower() else "this form came from another site"


def came_by_https(headers: Mapping[str, str]) -> bool:
    """By the word of the browser, which knows it also where TLS ends at a proxy."""
    return headers.get("Origin", "").startswith("https://")


def came_from_elsewhere(headers: Mapping[str, str]) -> bool:
    """A link on another site led here: the browser kept the cookie to itself."""
    return headers.get("Sec-Fetch-Site") == "cross-site" and headers.get("Sec-Fetch-Mode") == "navigate"


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None
