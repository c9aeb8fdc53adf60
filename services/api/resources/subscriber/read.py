"""What is known of subscribers and their subscriptions."""

from pathlib import Path

from services.api.moments import moment, moment_or_null
from services.api.resources.subscriber.schema import SubscriberAnswer, SubscriptionAnswer
from shared.postgres.database import Connection, Database, Row
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


async def is_list_known(database: Database, account_id: int, list_id: int) -> bool:
    return bool(await database.fetch_value(QUERIES["list_known"], account_id, list_id))


async def read_subscription(
    source: Database | Connection, account_id: int, list_id: int, subscriber_id: int
) -> SubscriptionAnswer | None:
    row = await source.fetch_row(QUERIES["read_subscription"], account_id, list_id, subscriber_id)
    return _subscription(row) if row else None


async def read_page(
    database: Database, account_id: int, list_id: int, after: int, count: int
) -> tuple[list[SubscriptionAnswer], int]:
    """Those behind subscriber ``after``, one more than ``count`` if there are more, and how many there are in all."""
    rows = await database.fetch(QUERIES["subscription_page"], account_id, list_id, after, count + 1)
    return [_subscription(row) for row in rows], await database.fetch_value(QUERIES["subscription_total"], list_id)


async def read_subscriber(
    source: Database | Connection, account_id: int, subscriber_id: int
) -> SubscriberAnswer | None:
    row = await source.fetch_row(QUERIES["read_subscriber"], account_id, subscriber_id)
    return _subscriber(row) if row else None


async def find_subscribers(
    database: Database, account_id: int, email: str | None, telephone: str | None
) -> list[SubscriberAnswer]:
    rows = await database.fetch(QUERIES["find_subscribers"], account_id, email, telephone)
    return [_subscriber(row) for row in rows]


def _subscriber(row: Row) -> SubscriberAnswer:
    return SubscriberAnswer(
        id=row["id"],
        email=row["email"],
        telephone=row["telephone"],
        external_id=row["external_id"],
        vars=row["vars"],
        optout=row["optout"],
        cdate=moment(row["cdate"]),
    )


def _subscription(row: Row) -> SubscriptionAnswer:
    return SubscriptionAnswer(
        **_subscriber(row),
        list_id=row["list_id"],
        confirmed=row["confirmed"],
        signup=moment(row["signup"]),
        ended=moment_or_null(row["ended"]),
        source=row["source"],
        consent=row["consent"],
    )
