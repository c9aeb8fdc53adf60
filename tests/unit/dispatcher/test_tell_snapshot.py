"""What a snapshot tells of the people that were counted."""

from typing import Any

from services.dispatcher.decisions.tell_snapshot import MOST_DOMAINS, tell_snapshot

WHOLE = {"what": "all", "which": None, "people": 300, "valid": 290, "hard": 4, "soft": 2} | {
    "openers": 50, "clickers": 9, "opens": 80, "clicks": 12
}  # fmt: skip


def row(what: str, which: str | None, people: int) -> dict[str, Any]:
    return {"what": what, "which": which, "people": people}


def test_every_state_is_told_also_where_nobody_is_in_it() -> None:
    told = tell_snapshot([WHOLE, row("optout", "blast", 6), row("engagement", "3", 11), row("engagement", "0", 4)])

    assert told["optout"] == {"none": 0, "basic": 0, "blast": 6, "all": 0}
    assert (told["engagement"]["new"], told["engagement"]["hardbounce_or_optout"]) == (11, 4)
    assert sum(told["engagement"].values()) == 15
    assert (told["total"], told["valid"], told["hardbounce"], told["softbounce"]) == (300, 290, 4, 2)
    assert (told["openers"], told["clickers"], told["opens"], told["clicks"]) == (50, 9, 80, 12)


def test_the_largest_domains_are_named_and_the_others_counted() -> None:
    """Whoever has no address is in no domain, and among the others."""
    domains = [row("domain", f"d{number}.example", 2) for number in range(MOST_DOMAINS + 5)]

    told = tell_snapshot([WHOLE, *domains, row("domain", None, 7)])

    assert list(told["domains"]) == [f"d{number}.example" for number in range(MOST_DOMAINS)]
    assert told["other_domains"] == 300 - 2 * MOST_DOMAINS


def test_months_go_by_time_whatever_order_they_are_counted_in() -> None:
    told = tell_snapshot([WHOLE, row("signup", "2026-11", 3), row("signup", "2025-12", 5), row("signup", "2026-02", 1)])

    assert list(told["signup_months"].items()) == [("2025-12", 5), ("2026-02", 1), ("2026-11", 3)]
