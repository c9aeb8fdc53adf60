"""A subscription is of a list and a subscriber; to this dialect it has one number, which holds both. Pure.

Ordered as (list, subscriber) is. Exact in a double, as JavaScript reads it, for the first 16,384 lists.
"""

from typing import Final

_SUBSCRIBERS: Final = 2**39
LARGEST: Final = 2**63 - 1


def subscription_id(list_id: int, subscriber_id: int) -> int:
    return list_id * _SUBSCRIBERS + subscriber_id


def parts_of(number: int) -> tuple[int, int]:
    """(list, subscriber)."""
    return divmod(number, _SUBSCRIBERS)
