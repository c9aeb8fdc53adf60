"""A snapshot counts what a plain count of the same people finds: any query, any people."""

from collections import Counter
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from services.dispatcher.decisions.tell_snapshot import ENGAGEMENT, MOST_DOMAINS, OPTOUTS, tell_snapshot
from services.dispatcher.jobs.snapshots.count_people import count_people
from shared.audience.audience import Audience
from shared.audience.count import find_lists
from shared.domain.subscriber_query import Bounced, Query, lists_named
from shared.postgres.database import Database
from tests.integration.audience.plain_search import AT, Person, PlainSearch
from tests.integration.audience.small_world import LIST_IDS, draw_world, store_world
from tests.queries import queries

PEOPLE = 250


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    connected = await Database.connect(database_url, role=None)
    yield connected
    await connected.close()


@pytest.fixture
async def world(owner: Database) -> list[Person]:
    people = draw_world(Random(21), PEOPLE)
    await store_world(owner, people)
    return people


def plainly(people: list[Person], plain: PlainSearch) -> dict[str, Any]:
    optouts, levels = Counter(each.optout for each in people), Counter(each.level for each in people)
    domains = Counter(each.email.rpartition("@")[2].lower() for each in people if each.email)
    return {
        "total": len(people),
        "valid": sum(each.valid for each in people),
        "optout": {state: optouts[state] for state in OPTOUTS},
        "hardbounce": sum(each.suppressed_for("hard_bounce") for each in people),
        "softbounce": sum(plain.holds(Bounced("soft"), each) for each in people),
        "engagement": {name: levels[level] for level, name in enumerate(ENGAGEMENT)},
        "domains": dict(domains),
        "other_domains": sum(each.email is None for each in people),
        "openers": sum(each.opens > 0 for each in people),
        "clickers": 0,
        "opens": sum(each.opens for each in people),
        "clicks": 0,
        "signup_months": dict(Counter(signup_of(each, plain) for each in people)),
    }


def signup_of(person: Person, plain: PlainSearch) -> str:
    """The first on a list of the query; without lists, since when he is known."""
    signups = [person.subscriptions[each].signup for each in plain.scope if each and person.on(each)]
    return f"{min(signups) if plain.scope else person.known_since:%Y-%m}"


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=queries)
async def test_the_same_people_are_counted(owner: Database, world: list[Person], query: Query) -> None:
    plain = PlainSearch(query, None, LIST_IDS)
    audience = Audience(None, query, await find_lists(owner, 1, lists_named(query)), AT)

    counted = await count_people(owner, 1, audience)

    assert counted == plainly([person for person in world if plain.finds(person)], plain)


async def test_of_many_domains_the_largest_are_told(owner: Database) -> None:
    """By size; everybody else is in one figure, also whoever has no email."""
    await owner.execute(
        "INSERT INTO subscriber (id, account_id, email, cdate)"
        " SELECT n, 1, 'p' || n || '@d' || lpad((n % 120)::text, 3, '0') || '.example', now()"
        " FROM generate_series(1, 180) AS n"
    )
    await owner.execute(
        "INSERT INTO subscriber (id, account_id, telephone, cdate) VALUES (999, 1, '+447700900999', now())"
    )
    audience = Audience(None, Query(), {}, AT)

    told = await count_people(owner, 1, audience)

    assert len(told["domains"]) == MOST_DOMAINS
    assert sorted(told["domains"].values()) == [1] * 40 + [2] * 60
    assert next(iter(told["domains"].values())) == 2
    assert told["other_domains"] == 21
    assert told["total"] == 181


def test_a_snapshot_of_nobody_has_every_figure() -> None:
    whole = dict.fromkeys(("people", "valid", "hard", "soft", "openers", "clickers", "opens", "clicks"), 0)

    told = tell_snapshot([{"what": "all", "which": None, **whole}])

    assert (told["total"], told["domains"], told["signup_months"]) == (0, {}, {})
    assert set(told["engagement"].values()) == {0}
    assert set(told["optout"].values()) == {0}
