"""Moves campaigns on: to READY when it is nearly time, to SENDING at their time, to their end when all was sent."""

from services.dispatcher.campaigns.end import end_campaigns
from services.dispatcher.campaigns.ready import ready_campaigns
from services.dispatcher.campaigns.start import start_campaigns
from shared.event_store.handle_command import Handler
from shared.postgres.database import Database
from shared.postgres.ids import Ids


async def move_campaigns(database: Database, handler: Handler, ids: Ids, *, dns_check: bool = False) -> int:
    """How many moves there were. ``dns_check``: a domain takes bounces only once DNS shows it."""
    readied = await ready_campaigns(database, handler, dns_check=dns_check)
    started = await start_campaigns(database, handler, ids, dns_check=dns_check)
    return readied + started + await end_campaigns(database, handler)
