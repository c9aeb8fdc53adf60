"""Which of the forms on offer a client likes best (RFC 9110, 12.5.1). Pure."""

import re
from collections.abc import Sequence

_QUALITY = re.compile(r";\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*(?:;|$)", re.IGNORECASE)


def choose(accept: str, offered: Sequence[str]) -> str:
    """The first of the best liked; what is offered first when the client names nothing that is on offer."""
    wishes = [_wish(part) for part in accept.split(",")]
    best, choice = 0.0, offered[0]
    for media in offered:
        liked = max((quality for wish, quality in wishes if _fits(wish, media)), default=0.0)
        if liked > best:
            best, choice = liked, media
    return choice


def _wish(part: str) -> tuple[str, float]:
    found = _QUALITY.search(part)
    return part.partition(";")[0].strip().lower(), float(found[1]) if found else 1.0


def _fits(wish: str, media: str) -> bool:
    return wish in (media, "*/*", media.partition("/")[0] + "/*")
