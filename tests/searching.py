"""Puts searches, and due tasks to them, into a database: for tests that begin where those exist."""

from collections.abc import Sequence
from typing import Any

from shared.domain.identifiers import (
    AccountId,
    CampaignId,
    Channel,
    Instant,
    ListId,
    MessageId,
    SearchId,
    TaskId,
    UserId,
    search_stream,
    task_stream,
)
from shared.domain.read_subscriber_query import read_query
from shared.domain.saved_search import ChangeSearch, SaveSearch
from shared.domain.subscriber_query import Query
from shared.domain.task import CreateTask
from shared.domain.write_subscriber_query import to_json
from shared.event_store.handle_command import Done, Handler
from shared.event_store.on_postgres import PostgresEventStore
from shared.event_store.read_models.saved_search import SEARCHES
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Database
from shared.runtime import clock
from tests.audience import ACCOUNT


async def save_search(
    database: Database, query: Query | dict[str, Any], *, number: int = 1, list_id: int | None = None
) -> None:
    """``query``: read, or in its wire form."""
    asked = query if isinstance(query, Query) else read_query(query)
    assert isinstance(asked, Query), asked
    wish = SaveSearch(
        search_id=SearchId(number),
        account_id=AccountId(1),
        name=f"search {number}",
        list_id=None if list_id is None else ListId(list_id),
        list_known=True,
        query=to_json(asked),
        unknown_lists=(),
    )
    done = await _handler(database).handle(SEARCHES, search_stream(number), wish, ACCOUNT, fresh=True)
    assert isinstance(done, Done)


async def change_query(database: Database, query: dict[str, Any], number: int = 1) -> None:
    asked = read_query(query)
    assert isinstance(asked, Query), asked
    wish = ChangeSearch(frozenset({"query"}), query=to_json(asked))
    assert isinstance(await _handler(database).handle(SEARCHES, search_stream(number), wish, ACCOUNT), Done)


async def post_search_task(
    database: Database, *, number: int, search_id: int = 1, message_id: int = 1, channel: Channel = "email"
) -> None:
    """Due at once."""
    wish = CreateTask(
        task_id=TaskId(number),
        account_id=AccountId(1),
        user_id=UserId(1),
        channel=channel,
        name=f"task {number}",
        message_id=MessageId(message_id),
        message_channel=channel,
        list_id=None,
        search_id=search_id,
        target_known=True,
        rate=None,
        in_doubt="resend",
        scheduledtime=Instant(0.0),
        size=0,
    )
    done = await _handler(database).handle(TASKS, task_stream(number), wish, ACCOUNT, fresh=True)
    assert isinstance(done, Done)


async def post_segments_task(
    database: Database, *, number: int, list_id: int, segments: Sequence[int], message_id: int, channel: Channel
) -> None:
    """As that of a campaign. Due at once."""
    wish = CreateTask(
        task_id=TaskId(number),
        account_id=AccountId(1),
        user_id=UserId(1),
        channel=channel,
        name=f"task {number}",
        message_id=MessageId(message_id),
        message_channel=channel,
        list_id=ListId(list_id),
        search_id=None,
        target_known=True,
        rate=None,
        in_doubt="resend",
        scheduledtime=Instant(0.0),
        size=0,
        campaign_id=CampaignId(1),
        segments=tuple(map(SearchId, segments)),
    )
    done = await _handler(database).handle(TASKS, task_stream(number), wish, ACCOUNT, fresh=True)
    assert isinstance(done, Done)


def _handler(database: Database) -> Handler:
    return Handler(PostgresEventStore(database), clock.now)
