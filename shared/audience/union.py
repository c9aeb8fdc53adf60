"""Whoever is found by one of several audiences at least, each person once.

They are of one list, or there is only one: who is found can be written to by the same rules.
"""

from collections.abc import Sequence

from shared.audience.audience import Audience, Values
from shared.audience.compile_query import joins, matches


def joins_of_any(audiences: Sequence[Audience], values: Values) -> str:
    """As ``compile_query.joins``. What one asks for is joined once, for all."""
    return next((found for audience in audiences if (found := joins(audience.query, values))), "")


def matches_any(audiences: Sequence[Audience], values: Values) -> str:
    """As ``compile_query.matches``."""
    return "(" + " OR ".join(f"({matches(audience, values)})" for audience in audiences) + ")"
