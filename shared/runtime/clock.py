"""The only reader of the clock and the only source of chance. Everything else is given its values.

Once the database has told its time, ours is that: a host whose clock is wrong by a day decides as all others do, and
what it writes down is when it was. Between two answers the monotonic clock goes on, which nobody sets.
"""

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from shared.domain.identifiers import Instant

ASK_SECONDS: Final = 10.0  #: after which the database is asked again: by then two clocks are apart by a millisecond


@dataclass(slots=True)
class _Followed:
    """``ahead``: seconds from the monotonic clock to Unix time, as the database has it. ``fresh_until`` then, by the
    monotonic clock, it is not asked again.
    """

    ahead: float | None = None
    fresh_until: float = float("-inf")


_followed = _Followed()  # a process has one clock


def now() -> Instant:
    """Unix seconds, UTC, in whole microseconds: the database keeps no more, so what an event tells is what a row holds.

    By the database's clock, as nearly as it is known; by the host's until the database has answered once. What is due
    is decided in the database, never by this.
    """
    if _followed.ahead is None:
        return of_host()
    return Instant(round(_followed.ahead + monotonic(), 6))


def should_ask() -> bool:
    """Whether the caller is to ask the database for its time, and tell it to ``follow``: one of all who use it."""
    if monotonic() < _followed.fresh_until:
        return False
    _followed.fresh_until = monotonic() + ASK_SECONDS
    return True


def ask_again() -> None:
    """Behind a new connection may be another server, with another clock."""
    _followed.fresh_until = float("-inf")


def follow(asked: float, told: float) -> None:
    """``told``: what the database's clock showed at some moment between ``asked``, by the monotonic one, and now."""
    host = time.time_ns() / 1e9 - monotonic()
    _followed.ahead = nearest(_followed.ahead, host, least=told - monotonic(), most=told - asked)


def nearest(before: float | None, host: float, *, least: float, most: float) -> float:
    """How far the database's time is ahead of the monotonic clock, if it is between ``least`` and ``most``: as far as
    before or as the host has it, where that may be; otherwise the least, so that nobody is ahead of the database.
    A slow answer says little and so changes nothing.
    """
    return next((each for each in (before, host) if each is not None and least <= each <= most), least)


def of_host() -> Instant:
    """What this host's clock shows, right or wrong: by it the files are dated that are kept here."""
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
