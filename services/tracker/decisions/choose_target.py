"""Where a click leads: to a link of the message, and nowhere else. Pure."""

from collections.abc import Sequence
from urllib.parse import urlsplit


def choose_target(links: Sequence[str], number: int) -> str | None:
    """``number`` from 1, as the token says. None: there is no such link, or none that a browser may be sent to."""
    if not 1 <= number <= len(links):
        return None
    link = links[number - 1]
    return link if _leads_to_web(link) else None


def _leads_to_web(link: str) -> bool:
    # A control character would end the header it is put into.
    if not link.isprintable():
        return False
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
