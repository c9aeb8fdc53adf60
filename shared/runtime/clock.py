"""The only reader of the clock and the only source of chance. Everything else is given its values."""

import secrets
import time
from datetime import UTC, datetime

from shared.domain.identifiers import Instant


def now() -> Instant:
    """Unix seconds, UTC, in whole microseconds: the database keeps no more, so what an event tells is what a row holds.

    What is due is decided by the clock of the database, never by this one.
    """
    return Instant(time.time_ns() // 1000 / 1_000_000)


def monotonic() -> float:
    """Seconds for measuring how long something took; never goes back."""
    return time.monotonic()


def random_id() -> int:
    """A number nobody else has drawn: 62 random bits."""
    return secrets.randbits(62)


def random_bytes(count: int) -> bytes:
    return secrets.token_bytes(count)


def jitter() -> float:
    """0 <= x < 1."""
    return secrets.randbelow(1 << 24) / (1 << 24)


def as_datetime(instant: float) -> datetime:
    return datetime.fromtimestamp(instant, UTC)
