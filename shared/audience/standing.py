"""How somebody stands, as expressions of SQL on ``person`` and, where it says so, on ``seen``."""

from typing import Final

from shared.audience.audience import Values
from shared.audience.pieces import piece
from shared.domain.identifiers import Instant
from shared.domain.moment_words import Offset, moment_of

_AT_ONCE: Final = Offset(0, "second")


def with_seen(values: Values) -> str:
    """Joins ``seen``: what he did with all that was sent to him."""
    return piece("with_engagement", values)


def valid(values: Values) -> str:
    return piece("valid", values, hard_bounced=hard_bounced(values))


def hard_bounced(values: Values) -> str:
    return _suppressed_for("hard_bounce", values)


def soft_suppressed(values: Values) -> str:
    return _suppressed_for("soft_bounces", values)


def soft_bounced(at: Instant, values: Values, suppressed: str | None = None) -> str:
    """With ``seen``. ``suppressed``: where it is known already whether he is, the word for it."""
    return piece("soft_bounced", values, suppressed=suppressed or soft_suppressed(values), now=_now(at, values))


def engagement_level(at: Instant, values: Values, hard: str | None = None) -> str:
    """0 to 6. With ``seen``. ``hard``: where it is known already whether he has bounced for good, the word for it."""
    known = valid(values) if hard is None else piece("valid", values, hard_bounced=hard)
    return piece("engagement_level", values, valid=known, now=_now(at, values))


def _suppressed_for(reason: str, values: Values) -> str:
    return piece("suppressed_for", values, reason=values.add(reason, "text"))


def _now(at: Instant, values: Values) -> str:
    return values.add(moment_of(_AT_ONCE, at), "timestamptz")
