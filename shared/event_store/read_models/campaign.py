"""The campaign's row."""

from dataclasses import asdict

from shared.domain import campaign, campaign_commands, decide_campaign
from shared.domain.campaign import Campaign, Payload
from shared.event_store.handle_command import Aggregate
from shared.event_store.interface import Write
from shared.event_store.read_models.statements import STATEMENTS


def rows(state: Campaign, version: int) -> tuple[Write, ...]:
    return (
        Write(
            STATEMENTS["write_campaign"],
            (
                state.campaign_id,
                state.account_id,
                state.user_id,
                version,
                state.name,
                state.state,
                state.list_id,
                state.domain_id,
                list(state.segments),
                state.when,
                state.event_callback,
                [_payload(each) for each in state.payloads],
                list(state.tasks),
                state.held_back,
                state.error,
                state.cdate,
                state.removed,
            ),
        ),
    )


def _payload(payload: Payload) -> dict[str, object]:
    given = asdict(payload)
    return {"id": given.pop("payload_id"), **given}


CAMPAIGNS: Aggregate[Campaign, campaign_commands.Command, campaign.Event] = Aggregate(
    campaign.replay, decide_campaign.decide, campaign.evolve, rows
)
