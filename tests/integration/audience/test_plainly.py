"""The database finds whom a plain evaluation finds, one by one: any query, of any people."""

from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.audience.audience import Audience, Values
from shared.audience.compile_query import MANY, joins, matches
from shared.audience.count import count_mailable, count_people, find_lists
from shared.domain.identifiers import Channel
from shared.domain.read_subscriber_query import read_query
from shared.domain.subscriber_query import Query, lists_named
from shared.postgres.database import Database
from tests.integration.audience.plain_search import AT, Person, PlainSearch
from tests.integration.audience.small_world import LIST_IDS, VALUES, draw_world, store_world
from tests.queries import FIELDS, conditions, queries, sources

PEOPLE = 250
lists = st.sampled_from((None, None, 1, 2))
single_queries = st.builds(Query, sources, st.just("and"), conditions.map(lambda condition: (condition,)))


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    connected = await Database.connect(database_url, role=None)
    yield connected
    await connected.close()


@pytest.fixture
async def world(owner: Database) -> list[Person]:
    people = draw_world(Random(20), PEOPLE)
    await store_world(owner, people)
    return people


async def opened(database: Database, query: Query, list_id: int | None) -> Audience:
    return Audience(list_id, query, await find_lists(database, 1, lists_named(query)), AT)


async def found_by(database: Database, audience: Audience) -> list[int]:
    values = Values(first=1)
    condition = matches(audience, values)
    people = f"subscriber AS person {joins(audience.query, values)}"
    rows = await database.fetch(
        f"SELECT id FROM {people} WHERE account_id = 1 AND {condition} ORDER BY id", *values.args
    )
    return [row["id"] for row in rows]


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=single_queries | queries, list_id=lists)
async def test_the_same_people_are_found(
    owner: Database, world: list[Person], query: Query, list_id: int | None
) -> None:
    plain = PlainSearch(query, list_id, LIST_IDS)

    assert await found_by(owner, await opened(owner, query, list_id)) == [p.id for p in world if plain.finds(p)]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=queries, list_id=lists, message_class=st.sampled_from(("marketing", "service")))
async def test_the_same_people_can_be_written_to(
    owner: Database, world: list[Person], query: Query, list_id: int | None, message_class: str
) -> None:
    plain, audience = PlainSearch(query, list_id, LIST_IDS), await opened(owner, query, list_id)
    found = [person for person in world if plain.finds(person)]

    def reached(channel: Channel) -> int:
        return sum(plain.reaches(person, channel, message_class) for person in found)

    counted = await count_people(owner, 1, audience, message_class)
    assert (counted.matched, counted.email, counted.sms) == (len(found), reached("email"), reached("sms"))
    assert await count_mailable(owner, 1, audience, "email", message_class) == counted.email
    assert await count_mailable(owner, 1, audience, "sms", message_class) == counted.sms


def test_the_world_tells_conditions_apart(world: list[Person]) -> None:
    """Else the tests above would prove little: people of every level, with and without everything that is asked."""
    assert {person.level for person in world} == set(range(7))
    assert {person.optout for person in world} == {"none", "basic", "blast", "all"}
    assert {"hard_bounce", "soft_bounces"} <= {held.reason for person in world for held in person.suppressions}
    for name in ("last_open", "last_click", "last_soft_bounce", "telephone", "email"):
        assert {getattr(person, name) is None for person in world} == {True, False}


@pytest.mark.parametrize("criterion", ["match", "not"])
@pytest.mark.parametrize("values", [VALUES, list(range(MANY)), ["x", *(f"word {number}" for number in range(999))]])
async def test_one_of_many_values_is_found_as_one_of_few(
    owner: Database, world: list[Person], criterion: str, values: list[Any]
) -> None:
    """Whatever the type of the value, alone or in an array."""
    scalars = [value for value in values if isinstance(value, (str, int, float))]
    assert len(scalars) >= MANY
    for name in FIELDS:
        query = read_query({"criteria": [criterion], "field": [name], "value": [scalars]})
        assert isinstance(query, Query)

        found = await found_by(owner, await opened(owner, query, None))

        assert found == [person.id for person in world if PlainSearch(query, None, LIST_IDS).finds(person)]
        assert 0 < len(found) < PEOPLE


@pytest.mark.parametrize("value", ["-999999 years", "+999999 weeks", "01/01/0001", "9999-12-31T23:59:59.999999"])
async def test_no_date_is_beyond_the_database(owner: Database, world: list[Person], value: str) -> None:
    """The first and the last moment there is."""
    criteria = ["signup_before", "open_time", "daily_open"]
    given = {
        "criteria": criteria,
        "value": [value] * 3,
        "timerange": [None, "since_date", "not_since_date"],
        "compare": [None, None, "min"],
        "compare_value": [None, None, 1],
        "query_mode": "or",
    }
    query = read_query(given)
    assert isinstance(query, Query)

    found = await found_by(owner, await opened(owner, query, None))

    assert found == [person.id for person in world if PlainSearch(query, None, LIST_IDS).finds(person)]
