"""What follows from a command on the payloads of a campaign, at most one a channel. Pure."""

from typing import assert_never

from shared.domain.campaign import Campaign, Event, Payload, PayloadAdded, PayloadChanged, PayloadRemoved
from shared.domain.campaign_commands import AddPayload, ChangePayload, Known, RemovePayload
from shared.domain.refusal import Fault, Refused


def decide_payload(campaign: Campaign, command: AddPayload | ChangePayload | RemovePayload) -> list[Event] | Refused:
    match command:
        case AddPayload(payload, known, message_fault):
            return _add(campaign, payload, known, message_fault)
        case ChangePayload():
            return _change(campaign, command)
        case RemovePayload(payload_id):
            return _remove(campaign, payload_id)
        case _:
            assert_never(command)


def _add(campaign: Campaign, payload: Payload, known: Known, message_fault: str) -> list[Event] | Refused:
    if faults := _faults(payload, known, message_fault):
        return Refused.invalid(*faults)
    if refused := _too_late(campaign) or _taken(campaign, payload):
        return refused
    return [PayloadAdded(payload.payload_id, payload.channel, payload.message_id)]


def _change(campaign: Campaign, wish: ChangePayload) -> list[Event] | Refused:
    before = campaign.payload(wish.payload_id)
    if before is None:
        return _missing(wish.payload_id)
    after = Payload(before.payload_id, wish.channel or before.channel, wish.message_id or before.message_id)
    if after == before:
        return []
    if faults := _faults(after, wish.known, wish.message_fault):
        return Refused.invalid(*faults)
    if refused := _too_late(campaign) or _taken(campaign, after):
        return refused
    return [PayloadChanged(after.payload_id, after.channel, after.message_id)]


def _remove(campaign: Campaign, payload_id: int) -> list[Event] | Refused:
    found = campaign.payload(payload_id)
    if found is None:
        return _missing(payload_id)
    if refused := _too_late(campaign):
        return refused
    if campaign.state == "READY" and len(campaign.payloads) == 1:
        return Refused.conflict("READY needs it: it is the only one")
    return [PayloadRemoved(found.payload_id)]


def _faults(payload: Payload, known: Known, message_fault: str) -> list[Fault]:
    its = known.messages.get(payload.message_id)
    if its is None:
        return [Fault("message_id", f"there is no message {payload.message_id}")]
    if its != payload.channel:
        return [Fault("message_id", f"message {payload.message_id} is for {its}, the payload for {payload.channel}")]
    return [Fault("message_id", message_fault)] if message_fault else []


def _too_late(campaign: Campaign) -> Refused | None:
    if campaign.editable:
        return None
    return Refused.conflict(f"payloads cannot be changed any more, the campaign is {campaign.state}")


def _taken(campaign: Campaign, payload: Payload) -> Refused | None:
    same = [each for each in campaign.payloads if each.channel == payload.channel]
    if all(each.payload_id == payload.payload_id for each in same):
        return None
    return Refused.conflict(f"there is a payload for {payload.channel} already: {same[0].payload_id}", "channel")


def _missing(payload_id: int) -> Refused:
    return Refused.not_found(f"there is no payload {payload_id}")
