"""User and password of a URL that is stored: sealed where they stand, and shown to nobody.

What is stored is the URL as it was given, with ``sealed~...`` before its @; who calls it opens that first. Answers,
events on the bus and pages show three stars instead.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.sealing import CannotOpen, open_sealed, seal

STARS: Final = "***"
_MARK: Final = "sealed~"
_FIELDS: Final = frozenset({"event_callback"})  #: of events
_SHAPE: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^@/?#]*)@(.*)", re.DOTALL)


def seal_credentials(secrets: Sequence[bytes], account_id: int, url: str, nonce: bytes) -> str:
    """A URL without any is as it was. ``nonce``: 12 bytes nobody used before."""
    found = _SHAPE.fullmatch(url)
    if found is None or not found[2]:
        return url
    sealed = urlsafe_b64encode(seal(secrets, _context(account_id), found[2].encode(), nonce)).decode()
    return f"{found[1]}{_MARK}{sealed.rstrip('=')}@{found[3]}"


def open_credentials(secrets: Sequence[bytes], account_id: int, url: str) -> str:
    """The URL as it was given. Raises CannotOpen."""
    found = _SHAPE.fullmatch(url)
    if found is None or not found[2].startswith(_MARK):
        return url
    text = found[2].removeprefix(_MARK)
    try:
        sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise CannotOpen("not what was sealed") from None
    return f"{found[1]}{open_sealed(secrets, _context(account_id), sealed).decode()}@{found[3]}"


def masked(url: str) -> str:
    """With stars for user and password, sealed or not."""
    found = _SHAPE.fullmatch(url)
    return url if found is None or not found[2] else f"{found[1]}{STARS}@{found[3]}"


def without_credentials(fields: Mapping[str, Any]) -> dict[str, Any]:
    """An event's, as others are told it."""
    return {name: masked(value) if name in _FIELDS and value else value for name, value in fields.items()}


def is_masked(url: str) -> bool:
    found = _SHAPE.fullmatch(url)
    return found is not None and found[2] == STARS


def _context(account_id: int) -> str:
    return f"account-{account_id} url"
