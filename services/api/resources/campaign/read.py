"""What is known of campaigns, and of what they name."""

from pathlib import Path

from services.api.authenticate import Caller
from shared.campaigns.look_up import find_known
from shared.campaigns.rows import campaign_of
from shared.domain.campaign import Campaign
from shared.domain.campaign_commands import Known, Named
from shared.postgres.database import Database
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


async def read_campaign(database: Database, caller: Caller, campaign_id: int) -> Campaign | None:
    """None as well when the caller may not see it: a member sees the campaigns he created."""
    row = await database.fetch_row(QUERIES["read_campaign"], caller.account_id, campaign_id, caller.only_of_user)
    return campaign_of(row) if row else None


async def read_page(database: Database, caller: Caller, after: int, count: int) -> tuple[list[Campaign], int]:
    """The campaigns behind id ``after``, one more than ``count`` if there are more, and how many there are in all."""
    seen = (caller.account_id, caller.only_of_user)
    rows = await database.fetch(QUERIES["campaign_page"], *seen, after, count + 1)
    return [campaign_of(row) for row in rows], await database.fetch_value(QUERIES["campaign_total"], *seen)


async def read_newest(database: Database, caller: Caller, before: int, limit: int) -> list[Campaign]:
    """The campaigns before id ``before``, the newest first."""
    seen = (caller.account_id, caller.only_of_user, before, limit)
    return [campaign_of(row) for row in await database.fetch(QUERIES["newest_campaigns"], *seen)]


async def look_up(database: Database, named: Named, *, dns_check: bool) -> Known:
    return (await find_known(database, [named], dns_check=dns_check))[named.account_id]


async def look_up_message(database: Database, caller: Caller, message_id: int) -> Known:
    """The message alone; as if there were none where the caller may not use it."""
    channel = await database.fetch_value(
        QUERIES["message_of_caller"], caller.account_id, message_id, caller.only_of_user
    )
    return Known(messages={message_id: channel} if channel else {})
