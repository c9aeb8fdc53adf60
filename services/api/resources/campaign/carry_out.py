"""A command on a campaign that the caller may see, carried out; and what the dispatcher is told of it."""

from collections.abc import Callable, Sequence
from typing import Any

from services.api.fields import NoQuery
from services.api.operation import Api, Call
from shared.bus.interface import Hint
from shared.domain.campaign import READY_SECONDS, Campaign
from shared.domain.campaign_commands import Command
from shared.domain.identifiers import campaign_stream
from shared.domain.refusal import Refused
from shared.event_store.interface import Actor, Write
from shared.event_store.read_models.campaign import CAMPAIGNS


async def carry_out(
    api: Api,
    call: Call[NoQuery, Any],
    command: Command,
    *,
    also: Callable[[Campaign], Sequence[Write]] | None = None,
) -> Campaign | Refused:
    """``also``: as of ``Handler.handle``. The campaign is the first of the ids in the path."""
    stream, actor = campaign_stream(call.ids[0]), Actor(call.caller.account_id, call.caller.user_id)
    async with api.in_turn.turn(stream):
        done = await api.commands.handle(CAMPAIGNS, stream, command, actor, also=also)
    if isinstance(done, Refused):
        return done
    if done.events:
        hint(api, done.state)
    return done.state


def hint(api: Api, campaign: Campaign) -> None:
    """A campaign that waits is looked at within a second anyway; one that is due need not wait for that."""
    if campaign.state not in ("SCHEDULED", "READY") or campaign.when is None:
        return
    if campaign.when <= api.now() + READY_SECONDS:
        api.hints.send("dispatcher", Hint("campaign_due", campaign.campaign_id))


def missing(campaign_id: int) -> Refused:
    return Refused.not_found(f"there is no campaign {campaign_id}")
