"""When somebody signed up, as whoever brings him says: a moment that has been. Pure."""

from datetime import UTC, datetime
from typing import Final

from shared.domain.identifiers import Instant
from shared.domain.moment_words import moment_of, read_when

NO_DATE: Final = (
    "must be a date, as RFC 2822, ISO 8601, YYYYMMDD, mm/dd/yyyy, unix seconds, now or an offset such as -30 days"
)
NOT_YET: Final = "must not be in the future"
TOO_EARLY: Final = "must not be before 1970"

_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read_signup_date(given: object, now: Instant) -> datetime | str:
    """In UTC, to the second; a text: what is wrong with it. ``now``: the moment of asking."""
    when = read_when(given)
    if when is None:
        return NO_DATE
    moment = moment_of(when, now).replace(microsecond=0)
    if moment < _FIRST:
        return TOO_EARLY
    return moment if moment.timestamp() <= now else NOT_YET
