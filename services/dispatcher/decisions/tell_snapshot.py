"""A snapshot of people, as callers are told it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

MOST_DOMAINS: Final = 100

#: By level, from 0.
ENGAGEMENT: Final = (
    "hardbounce_or_optout",
    "dormant",
    "disengaged",
    "new",
    "passive",
    "active",
    "engaged",
)
OPTOUTS: Final = ("none", "basic", "blast", "all")

Counted = Mapping[str, Any]  #: a row of the statement ``snapshot``


def tell_snapshot(rows: Sequence[Counted]) -> dict[str, Any]:
    """Counts of people, but for ``opens`` and ``clicks``: of these everything counts, repeats included.

    ``domains``: the largest, by size; whoever has another one is in ``other_domains``.
    """
    [whole] = [row for row in rows if row["what"] == "all"]
    optouts, levels = _counts(rows, "optout"), _counts(rows, "engagement")
    domains = dict(list(_counts(rows, "domain").items())[:MOST_DOMAINS])
    return {
        "total": whole["people"],
        "valid": whole["valid"],
        "optout": {state: optouts.get(state, 0) for state in OPTOUTS},
        "hardbounce": whole["hard"],
        "softbounce": whole["soft"],
        "engagement": {name: levels.get(str(level), 0) for level, name in enumerate(ENGAGEMENT)},
        "domains": domains,
        "other_domains": whole["people"] - sum(domains.values()),
        "openers": whole["openers"],
        "clickers": whole["clickers"],
        "opens": whole["opens"],
        "clicks": whole["clicks"],
        "signup_months": dict(sorted(_counts(rows, "signup").items())),
    }


def _counts(rows: Sequence[Counted], what: str) -> dict[str, int]:
    """In the order of the rows."""
    return {row["which"]: row["people"] for row in rows if row["what"] == what and row["which"] is not None}
