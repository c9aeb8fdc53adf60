"""The frozen audience of a search is whom a plain evaluation finds and may write to, whatever the size of a page."""

from collections.abc import AsyncIterator
from itertools import count
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.dispatcher.decisions import page_size
from services.dispatcher.planner.freeze_search import freeze_search
from services.dispatcher.planner.start_due import start_due_tasks
from services.dispatcher.planner.statements import STATEMENTS
from shared.audience.audience import Audience
from shared.audience.count import count_mailable_of_any
from shared.domain.identifiers import Channel, Instant
from shared.domain.subscriber_query import Query
from shared.event_store.handle_command import Handler
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime import clock
from tests.audience import post_task
from tests.integration.audience.plain_search import Person, PlainSearch
from tests.integration.audience.small_world import LIST_IDS, draw_world, store_world
from tests.queries import NOW, queries
from tests.searching import post_search_task, post_segments_task, save_search

EMAIL, SMS = 50, 51  #: messages, of marketing

numbers = count(100)


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    connected = await Database.connect(database_url, role=None)
    yield connected
    await connected.close()


@pytest.fixture
async def world(owner: Database) -> list[Person]:
    people = draw_world(Random(21), 120)
    await store_world(owner, people)
    await post_task(owner, 0, number=EMAIL)
    await post_task(owner, 0, number=SMS, channel="sms")
    await owner.execute("UPDATE task SET scheduledtime = 'infinity'")
    return people


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_size, "FEWEST", 1)
    monkeypatch.setattr(page_size, "MOST", 25)


@pytest.mark.usefixtures("small_pages")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=queries,
    list_id=st.sampled_from((None, None, 1)),
    channel=st.sampled_from(("email", "sms")),
    rows=st.sampled_from((1, 7, 119, 120, 500)),
)
async def test_the_same_people_are_frozen(
    owner: Database, world: list[Person], query: Query, list_id: int | None, channel: Channel, rows: int
) -> None:
    number = next(numbers)
    await save_search(owner, query, number=number, list_id=list_id)
    message_id = EMAIL if channel == "email" else SMS
    await post_search_task(owner, number=number, search_id=number, message_id=message_id, channel=channel)
    await start_due_tasks(owner, Handler(PostgresEventStore(owner), clock.now))
    await owner.execute("UPDATE sending SET audience = audience || jsonb_build_object('at', $1::float8)", NOW)

    frozen = await freeze(owner, number, rows)

    plain = PlainSearch(query, list_id, LIST_IDS)
    wanted = [
        (person.email if channel == "email" else person.telephone, person.id)
        for person in world
        if plain.finds(person) and plain.reaches(person, channel, "marketing")
    ]
    assert frozen == wanted


async def freeze(owner: Database, number: int, rows: int) -> list[tuple[str, int]]:
    """Addresses and subscribers, by ordinal."""
    claimed = await owner.fetch_row(STATEMENTS["claim_freezing"], 1, 15.0)
    assert claimed is not None
    await freeze_search(owner, claimed, rows, 15.0)
    await owner.execute(STATEMENTS["close_freezing"], number)
    found = await owner.fetch(
        "SELECT address, subscriber_id FROM contact_record WHERE task_id = $1 ORDER BY ordinal", number
    )
    return [(row["address"], row["subscriber_id"]) for row in found]


@pytest.mark.usefixtures("small_pages")
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    each=st.lists(queries, min_size=1, max_size=4),
    channel=st.sampled_from(("email", "sms")),
    rows=st.sampled_from((1, 7, 119, 500)),
)
async def test_of_several_segments_everybody_is_frozen_once(
    owner: Database, world: list[Person], each: list[Query], channel: Channel, rows: int
) -> None:
    """Whom one of them finds at least, in the order of ids; and as many are counted."""
    segments = [next(numbers) for _ in each]
    for segment, query in zip(segments, each, strict=True):
        await save_search(owner, query, number=segment, list_id=1)
    number, message_id = next(numbers), EMAIL if channel == "email" else SMS
    await post_segments_task(owner, number=number, list_id=1, segments=segments, message_id=message_id, channel=channel)
    await start_due_tasks(owner, Handler(PostgresEventStore(owner), clock.now))
    await owner.execute("UPDATE sending SET audience = audience || jsonb_build_object('at', $1::float8)", NOW)
    frozen = await freeze(owner, number, rows)

    plain = [PlainSearch(query, 1, LIST_IDS) for query in each]
    wanted = [
        (person.email if channel == "email" else person.telephone, person.id)
        for person in world
        if any(one.finds(person) for one in plain) and plain[0].reaches(person, channel, "marketing")
    ]
    assert frozen == wanted
    audiences = [Audience(1, query, LIST_IDS, Instant(NOW)) for query in each]
    assert await count_mailable_of_any(owner, 1, audiences, channel, "marketing") == len(wanted)
