"""Who must not be written to: the reasons, and what happens to them. The rows are in the table ``suppression``."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from shared.domain.identifiers import Instant

#: ``unsubscribed`` is of one list; the others are of one list or of the whole account.
Reason = Literal["hard_bounce", "soft_bounces", "complaint", "unsubscribed", "opted_out", "manual"]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)

#: The person's own word, whatever address he gave it by.
WISHES: Final[frozenset[Reason]] = frozenset({"unsubscribed", "opted_out"})


@dataclass(frozen=True, slots=True)
class SubscribersSuppressed:
    """One command or chunk that suppressed addresses: ids only. Columns of equal length, one entry a suppression.

    ``suppressions``: ids of the rows; ``subscribers``: whose addresses they are, None for nobody known. A stream of
    its own.
    """

    suppressions: tuple[int, ...]
    subscribers: tuple[int | None, ...]
    reasons: tuple[Reason, ...]
    at: Instant


@dataclass(frozen=True, slots=True)
class SuppressionsLifted:
    """As above: these rows are no more, and what they stood for is undone."""

    suppressions: tuple[int, ...]
    subscribers: tuple[int | None, ...]
    reasons: tuple[Reason, ...]
    at: Instant
