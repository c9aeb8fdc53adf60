"""SuTHash: the text that a request is signed by, and whether the signature in its headers is of that text. Pure."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from shared.domain.identifiers import INT63_MAX

_HASH = re.compile(r'SuTHash\s+signature="?([0-9a-f]{40})"?\s*', re.IGNORECASE)
_ID = re.compile(r"[1-9][0-9]{0,18}")
_NONCE = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Signed:
    """What the headers of a signed request say. ``date``: as it was sent; ``at``: the same as unix seconds."""

    account_id: int
    user_id: int
    nonce: str
    date: str
    at: float
    signature: str

    def is_by(self, key: str, method: str, path: str) -> bool:
        """Whether it was signed with this key. Compared in constant time."""
        text = text_to_sign(self, key, method, path)
        return hmac.compare_digest(hashlib.sha1(text).hexdigest(), self.signature)  # noqa: S324 - the clients' own


def text_to_sign(signed: Signed, key: str, method: str, path: str) -> bytes:
    """``path``: without query string and without a slash at its end. The names of headers are always spelled so."""
    lines = (
        f"{method} {path.rstrip('/')}",
        f"Date: {signed.date}",
        f"X-SuT-CID: {signed.account_id}",
        f"X-SuT-UID: {signed.user_id}",
        f"X-SuT-Nonce: {signed.nonce}",
        key,
    )
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


def read_signed(headers: Mapping[str, str]) -> Signed | str:
    """What is said in the headers; or what is wrong with them."""
    if "X-SuT-PID" in headers:
        return "partner hash is not offered: no key reaches another account"
    match = _HASH.fullmatch(headers.get("Authorization", ""))
    if match is None:
        return 'Authorization must be SuTHash signature="…" or SuTToken …'
    account_id, user_id = _read_id(headers.get("X-SuT-CID", "")), _read_id(headers.get("X-SuT-UID", ""))
    if account_id is None or user_id is None:
        return "X-SuT-CID and X-SuT-UID must be the ids of a company and of its user"
    nonce = headers.get("X-SuT-Nonce", "")
    if not _NONCE.fullmatch(nonce):
        return "X-SuT-Nonce must be 1 to 255 visible ASCII characters"
    at = read_date(headers.get("Date", ""))
    if at is None:
        return "Date must be a date as in RFC 1123"
    return Signed(account_id, user_id, nonce, headers["Date"], at, match[1].lower())


def read_date(text: str) -> float | None:
    """Unix seconds of an HTTP date; the name of the day is not compared with it."""
    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _read_id(text: str) -> int | None:
    return int(text) if _ID.fullmatch(text) and int(text) <= INT63_MAX else None


TOKEN: Final = re.compile(r"SuTToken\s+([a-z0-9/+]{96})\s*", re.IGNORECASE)
