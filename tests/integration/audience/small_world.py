"""Some people at random, of whom hardly two are alike, in memory and in the database."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from random import Random
from typing import Any

from shared.domain.identifiers import Channel
from shared.postgres.database import Database
from tests.integration.audience.plain_search import MOMENT, Person, Subscription, Suppression
from tests.queries import DOMAINS, FIELDS, LISTS, WORDS

LIST_IDS = dict(zip(LISTS, (1, 2, 3), strict=True))
FIRST_OF_OTHERS = 1_000  #: from this id on they are of another account
STALE_GENERATION = 9  #: of engagement: what a rebuild left behind

VALUES: list[Any] = [*WORDS, *range(-3, 4), 0.5, 2.5, 1e15, True, False, None, [], ["x", 1], [["x"], True], {"x": 1}]


def draw_world(chance: Random, people: int) -> list[Person]:
    return [_draw_person(chance, number) for number in range(1, people + 1)]


def _draw_person(chance: Random, number: int) -> Person:
    email = f"P.{number}@{chance.choice(DOMAINS)}" if chance.random() < 0.85 else None
    telephone = f"+44770090{number:04}" if email is None or chance.random() < 0.4 else None
    person = Person(
        id=number,
        email=email,
        telephone=telephone,
        vars={name: chance.choice(VALUES) for name in FIELDS if chance.random() < 0.7},
        optout=chance.choices(("none", "basic", "blast", "all"), (8, 1, 1, 1))[0],
        known_since=_some_time(chance),
    )
    for list_id in LIST_IDS.values():
        if chance.random() < 0.6:
            alive = (chance.random() < 0.8, chance.random() < 0.2)
            person.subscriptions[list_id] = Subscription(*alive, signup=_some_time(chance))
    person.suppressions = [_draw_suppression(chance, person) for _ in range(chance.choice((0, 0, 0, 1, 2)))]
    if chance.random() < 0.7:
        _draw_deeds(chance, person)
    return person


def _draw_suppression(chance: Random, person: Person) -> Suppression:
    ways: list[tuple[Channel, str]] = [("email", f"former.{person.id}@example.com")]
    ways += [("email", person.email.upper())] * 3 if person.email else []
    ways += [("sms", person.telephone)] * 2 if person.telephone else []
    channel, address = chance.choice(ways)
    reason = chance.choice(("hard_bounce", "hard_bounce", "soft_bounces", "complaint", "opted_out"))
    list_id = chance.choice((None, None, 1, 2))
    return Suppression(
        channel, address, reason, list_id, marketing_only=reason == "opted_out" and chance.random() < 0.5
    )


def _draw_deeds(chance: Random, person: Person) -> None:
    for _ in range(chance.randrange(5)):
        day, opens = _some_time(chance).date(), chance.randrange(1, 4)
        person.opens_by_day[day] = person.opens_by_day.get(day, 0) + opens
        person.opens += opens
    person.last_open = _some_time(chance) if person.opens else None
    person.last_click = _some_time(chance) if chance.random() < 0.4 else None
    person.last_soft_bounce = _some_time(chance) if chance.random() < 0.4 else None


def _some_time(chance: Random) -> datetime:
    """Often at the very edge of a rule."""
    days = chance.choice((0, 1, 29, 30, 31, 90, 91, 365, 366, chance.randrange(400)))
    return MOMENT - timedelta(days=days, hours=chance.choice((0, 0, 1, 13)))


async def store_world(owner: Database, world: Sequence[Person]) -> None:
    """``owner``: with the rights of who migrates. The same people are in another account, too, and on lists of it."""
    for name, list_id in LIST_IDS.items():
        await owner.execute(_LIST, list_id, 1, name)
        await owner.execute(_LIST, list_id + 10, 2, name)
    for person in world:
        await _store(owner, person, 1, 0)
        if person.id % 7 == 0:
            await _store(owner, person, 2, FIRST_OF_OTHERS)
    await owner.execute("ANALYZE")


async def _store(owner: Database, person: Person, account_id: int, shift: int) -> None:
    person_id = person.id + shift
    row = (person.email, person.telephone, person.vars, person.optout, person.known_since)
    await owner.execute(_PERSON, person_id, account_id, *row)
    for list_id, subscription in person.subscriptions.items():
        ended = subscription.signup if subscription.ended else None
        row_of_list = (list_id + shift // 100, person_id, subscription.confirmed, subscription.signup, ended)
        await owner.execute(_SUBSCRIPTION, *row_of_list)
    for number, held in enumerate(person.suppressions):
        digest = hashlib.md5(f"{person_id} {number}".encode()).digest()
        await owner.execute(_SUPPRESSION, account_id, digest, person_id, *asdict(held).values())
    deeds = (person.opens, person.last_open, person.last_click, person.last_soft_bounce)
    if any(deeds):
        await owner.execute(_ENGAGEMENT, person_id, 1, *deeds)
    await owner.execute(_ENGAGEMENT, person_id, STALE_GENERATION, 99, MOMENT, MOMENT, MOMENT)
    await owner.execute(_DAY, person_id, STALE_GENERATION, MOMENT.date(), 99)
    for day, opens in person.opens_by_day.items():
        await owner.execute(_DAY, person_id, 1, day, opens)


_LIST = "INSERT INTO list (id, account_id, name, version, cdate) VALUES ($1, $2, $3, 1, now())"
_PERSON = """
INSERT INTO subscriber (id, account_id, email, telephone, vars, optout, cdate) VALUES ($1, $2, $3, $4, $5, $6, $7)"""
_SUBSCRIPTION = """
INSERT INTO subscription (list_id, subscriber_id, confirmed, signup_at, ended_at) VALUES ($1, $2, $3, $4, $5)"""
_SUPPRESSION = """
INSERT INTO suppression (account_id, hash, subscriber_id, channel, address, reason, list_id, marketing_only,
                         source, cdate)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'test', now())"""
_ENGAGEMENT = """
INSERT INTO engagement (subscriber_id, generation, opens, clicks, last_open, last_click, last_soft_bounce)
VALUES ($1, $2, $3, 0, $4, $5, $6)"""
_DAY = "INSERT INTO daily_open (subscriber_id, generation, day, opens) VALUES ($1, $2, $3, $4)"
