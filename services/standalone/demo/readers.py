"""Who the demo's readers are, and what each of them does with the mail. Pure, so that what must be counted is known."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

FIRST_NAMES: Final = ("Ada", "Bruno", "Chloé", "Dmitri", "Eun-ji", "Farid", "Grace", "Håkon", "Inés", "Jan")
LINKS: Final = ("https://example.com/autumn", "https://example.com/opening-hours?from=mail&shop=7")


@dataclass(frozen=True, slots=True)
class Reader:
    """``clicks``: the links followed, by their place in LINKS; one several times is there several times."""

    name: str
    email: str
    opens: int
    clicks: tuple[int, ...] = ()
    unsubscribes: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """What the report must say, exactly."""

    unique: dict[str, int]
    total: dict[str, int]
    links: dict[str, tuple[int, int]]  #: url -> unique, total


def make_reader(number: int) -> Reader:
    """Four of five open the mail, some of them again; a quarter clicks, some on both links; one in 50 leaves."""
    name = f"{FIRST_NAMES[number % len(FIRST_NAMES)]} {number}"
    email = f"reader{number}@example.com"
    if number % 5 == 4:
        return Reader(name, email, opens=0)
    return Reader(
        name,
        email,
        opens=1 + (number % 3 == 0) + (number % 7 == 0) * 2,
        clicks=_CLICKS[number % len(_CLICKS)],
        unsubscribes=number % 50 == 1,
    )


_CLICKS: Final[tuple[tuple[int, ...], ...]] = ((), (), (0,), (), (), (1, 0), (), (), (), (0, 0, 0), (), (1,), ())


def expect(readers: Sequence[Reader]) -> Expected:
    """Each reader counts once in ``unique``, and each time in ``total``."""
    openers = [reader for reader in readers if reader.opens]
    clickers = [reader for reader in readers if reader.clicks]
    leavers = [reader for reader in readers if reader.unsubscribes]
    reached = len(readers)
    once = Counter(link for reader in readers for link in set(reader.clicks))
    every = Counter(link for reader in readers for link in reader.clicks)
    return Expected(
        unique={
            "submitted": reached,
            "delivered": reached,
            "opened": len(openers),
            "clicked": len(clickers),
            "unsubscribed": len(leavers),
        },
        total={
            "opened": sum(reader.opens for reader in readers),
            "clicked": every.total(),
        },
        links={url: (once[place], every[place]) for place, url in enumerate(LINKS)},
    )
