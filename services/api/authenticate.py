"""Whose key is it? Bearer, or Basic with the key as password."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from shared.domain.account import Role
from shared.postgres.database import Database
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))

KEY: Final = re.compile(
    r"pr_([a-z2-7]{8})_[A-Za-z0-9_-]{32}"
)  #: what ``credentials`` draws: a prefix to find it by, 192 bits to prove it
CACHE_SECONDS: Final = 5.0  #: how long a revoked key may still be taken
CACHED_KEYS: Final = 10_000

_NOBODY: Final = hashlib.sha256(b"").digest()


@dataclass(frozen=True, slots=True)
class Caller:
    """``key``: what he signed in with, where his dialect must tell it on. ``paced_by``: whose requests are counted
    together with his; empty: nobody's.
    """

    account_id: int
    user_id: int
    role: Role
    key: str = field(default="", repr=False)
    paced_by: str = ""

    @property
    def only_of_user(self) -> int | None:
        """A member sees the messages he created and their tasks, the others those of the whole account (None)."""
        return self.user_id if self.role == "member" else None


@dataclass(frozen=True, slots=True)
class _Known:
    hash: bytes
    caller: Caller
    until: float


def hash_key(key: str) -> bytes:
    # A fast hash is enough: there are 192 random bits to guess.
    return hashlib.sha256(key.encode()).digest()


def key_in(authorization: str) -> str | None:
    """The key in an Authorization header (RFC 6750, RFC 7617)."""
    scheme, _, credentials = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return credentials.strip()
        case "basic":
            try:
                return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[2]
            except (binascii.Error, ValueError):
                return None
        case _:
            return None


class Authenticator:
    def __init__(self, database: Database, monotonic: Callable[[], float]) -> None:
        self._database = database
        self._monotonic = monotonic
        self._cache: dict[str, _Known] = {}
        self._forgotten = 0

    async def find_caller(self, authorization: str) -> Caller | None:
        """None: no valid key, for whatever reason. Raises Unavailable."""
        key = key_in(authorization)
        match = KEY.fullmatch(key) if key else None
        if key is None or match is None:
            return None
        return await self.find_holder(match[1], hash_key(key))

    async def find_holder(self, prefix: str, hashed: bytes) -> Caller | None:
        """The same of a key by its hash: whoever shows it once need not keep it. Raises Unavailable."""
        known = self._cache.get(prefix)
        if known and known.until > self._monotonic() and hmac.compare_digest(hashed, known.hash):
            return known.caller
        # Whether its prefix is unknown or the rest is wrong: the same look and comparison, and the same answer.
        known = await self._find(prefix)
        proved = hmac.compare_digest(hashed, known.hash if known else _NOBODY)
        return known.caller if known and proved else None

    def forget(self, prefix: str) -> None:
        """To be told of each revoked key: from now on this process does not take it."""
        self._forgotten += 1
        self._cache.pop(prefix, None)

    async def _find(self, prefix: str) -> _Known | None:
        # What is read while a key is forgotten may be from before, and counts from when it was asked for.
        forgotten, until = self._forgotten, self._monotonic() + CACHE_SECONDS
        row = await self._database.fetch_row(QUERIES["find_key"], prefix)
        if row is None:
            self._cache.pop(prefix, None)
            return None
        caller = Caller(row["account_id"], row["user_id"], row["role"], paced_by=prefix)
        if len(self._cache) >= CACHED_KEYS:
            self._cache.clear()
        found = _Known(row["hash"], caller, until)
        if forgotten == self._forgotten:
            self._cache[prefix] = found
        return found
