"""What follows from a command on a campaign: its life is told in ``shared.domain.campaign``. Pure."""

from dataclasses import replace
from typing import assert_never

from shared.domain.campaign import (
    CLIENT_MOVES,
    CallbackChanged,
    Campaign,
    CampaignChanged,
    CampaignCompleted,
    CampaignCreated,
    CampaignDelayed,
    CampaignDrafted,
    CampaignFailed,
    CampaignReadied,
    CampaignRemoved,
    CampaignScheduled,
    CampaignStarted,
    Event,
    State,
    evolve,
)
from shared.domain.campaign_commands import (
    AddPayload,
    ChangeCampaign,
    ChangePayload,
    Command,
    CreateCampaign,
    EndCampaign,
    Known,
    ReadyCampaign,
    RemoveCampaign,
    RemovePayload,
    StartCampaign,
)
from shared.domain.campaign_needs import domain_faults, in_words, is_of, list_faults, missing_of, segment_faults
from shared.domain.decide_payload import decide_payload
from shared.domain.identifiers import Instant
from shared.domain.refusal import Fault, Refused

#: What a client may ask for that stands in one event; the rest are the state and the callback.
_SETTINGS = {"name": "name", "domain_id": "domain", "segments": "segments", "when": "when"}


def decide(campaign: Campaign, command: Command, now: Instant) -> list[Event] | Refused:
    """What follows from ``command``; asking again for what already holds gives ``[]``."""
    match command:
        case CreateCampaign():
            return _create(campaign, command, now)
        case _ if not campaign.exists:
            return Refused.not_found("there is no such campaign")
        case ChangeCampaign():
            return _change(campaign, command, now)
        case AddPayload() | ChangePayload() | RemovePayload():
            return decide_payload(campaign, command)
        case RemoveCampaign():
            return [CampaignRemoved(now)] if campaign.editable else Refused.conflict(f"it is {campaign.state}")
        case ReadyCampaign():
            return _ready(campaign, command, now)
        case StartCampaign():
            return _start(campaign, command, now)
        case EndCampaign():
            return _end(campaign, command, now)
        case _:
            assert_never(command)


def _create(campaign: Campaign, wish: CreateCampaign, now: Instant) -> list[Event] | Refused:
    if campaign.campaign_id:
        return []
    faults = [*list_faults(wish.list_id, wish.known), *domain_faults(wish.domain_id, wish.known)]
    faults += segment_faults(wish.segments, wish.list_id, wish.known)
    if wish.state not in ("DRAFT", "SCHEDULED"):
        faults.append(Fault("state", "must be DRAFT or SCHEDULED at first"))
    if wish.when is None and wish.state != "DRAFT":
        faults.append(Fault("when", "may be null in DRAFT only"))
    if wish.callback_fault:
        faults.append(Fault("event_callback", wish.callback_fault))
    if faults:
        return Refused.invalid(*faults)
    return [
        CampaignCreated(
            campaign_id=wish.campaign_id,
            account_id=wish.account_id,
            user_id=wish.user_id,
            name=wish.name,
            state=wish.state,
            list_id=wish.list_id,
            domain_id=wish.domain_id,
            segments=wish.segments,
            when=wish.when,
            event_callback=wish.event_callback,
            at=now,
        )
    ]


def _change(campaign: Campaign, wish: ChangeCampaign, now: Instant) -> list[Event] | Refused:
    before = CampaignChanged(campaign.name, campaign.domain_id, campaign.segments, campaign.when)
    after = replace(before, **{name: getattr(wish, name) for name in wish.fields & set(_SETTINGS)})
    target = wish.state if "state" in wish.fields else campaign.state
    events: list[Event] = [after] if after != before else []
    if "event_callback" in wish.fields and wish.event_callback != campaign.event_callback:
        events.append(CallbackChanged(wish.event_callback))
    conflicts = _conflicts(campaign, target, before, after, wish)
    if faults := _faults(campaign, target, after, wish):
        return Refused.invalid(*faults, *conflicts)
    if conflicts:
        return Refused("conflict", tuple(conflicts))
    return events + _move(campaign.state, target, now)


def _faults(campaign: Campaign, target: State, after: CampaignChanged, wish: ChangeCampaign) -> list[Fault]:
    """What is wrong in itself, of what is to become otherwise."""
    faults = []
    if "list_id" in wish.fields and wish.list_id != campaign.list_id:
        faults.append(Fault("list", f"is fixed at creation, to {campaign.list_id}"))
    if after.domain_id != campaign.domain_id:
        faults += domain_faults(after.domain_id, wish.known)
    if after.segments != campaign.segments:
        faults += segment_faults(after.segments, campaign.list_id, wish.known)
    if "when" in wish.fields and after.when is None and target != "DRAFT":
        faults.append(Fault("when", "may be null in DRAFT only"))
    if "event_callback" in wish.fields and wish.event_callback != campaign.event_callback and wish.callback_fault:
        faults.append(Fault("event_callback", wish.callback_fault))
    return faults


def _conflicts(
    campaign: Campaign, target: State, before: CampaignChanged, after: CampaignChanged, wish: ChangeCampaign
) -> list[Fault]:
    changed = [field for name, field in _SETTINGS.items() if getattr(before, name) != getattr(after, name)]
    if not campaign.editable:
        faults = [Fault(field, f"cannot be changed any more, the campaign is {campaign.state}") for field in changed]
        return faults + _move_faults(campaign.state, target)
    if faults := _move_faults(campaign.state, target):
        return faults
    if target == "READY" and (changed or target != campaign.state):
        return _lacks(evolve(campaign, after), wish.known)
    if target != "DRAFT" and after.when is None and "when" not in wish.fields:
        return [Fault("when", f"{target} needs it: is not set")]
    return []


def _lacks(campaign: Campaign, known: Known) -> list[Fault]:
    if not is_of(known, campaign):
        return [Fault("", "somebody changed it at the same moment: ask again")]
    return [Fault(fault.field, f"READY needs it: {fault.message}") for fault in missing_of(campaign, known)]


def _move_faults(state: State, target: State) -> list[Fault]:
    if target == state or target in CLIENT_MOVES.get(state, ()):
        return []
    return [Fault("state", f"does not go from {state} to {target} at a client's wish")]


def _move(state: State, target: State, now: Instant) -> list[Event]:
    """``target``: one that ``state`` may go to."""
    if target == state:
        return []
    if target == "SCHEDULED":
        return [CampaignScheduled(held_back=state == "READY", at=now)]
    return [CampaignDrafted(now) if target == "DRAFT" else CampaignReadied(now)]


def _ready(campaign: Campaign, wish: ReadyCampaign, now: Instant) -> list[Event]:
    waits = campaign.state == "SCHEDULED" and not campaign.held_back and campaign.when == wish.when
    if not waits or not is_of(wish.known, campaign):
        return []
    if missing := missing_of(campaign, wish.known):
        error = in_words(missing)
        return [CampaignDelayed(error, now)] if error != campaign.error else []
    return [CampaignReadied(now)]


def _start(campaign: Campaign, wish: StartCampaign, now: Instant) -> list[Event]:
    # Whoever changed it since it was looked up has it looked up again.
    if campaign.state != "READY" or campaign.when != wish.when or not is_of(wish.known, campaign):
        return []
    if missing := missing_of(campaign, wish.known):
        return [CampaignStarted((), now), CampaignFailed(in_words(missing), now)]
    if wish.segments != campaign.segments or tuple(task.payload for task in wish.tasks) != campaign.payloads:
        return []
    return [CampaignStarted(tuple(task.task_id for task in wish.tasks), now)]


def _end(campaign: Campaign, wish: EndCampaign, now: Instant) -> list[Event]:
    if campaign.state != "SENDING" or tuple(task.task_id for task in wish.tasks) != campaign.tasks:
        return []
    failures = [f"task {task.task_id}: {task.failure}" for task in wish.tasks if task.failure is not None]
    if len(failures) < len(wish.tasks):
        return [CampaignCompleted(now)]
    return [CampaignFailed("every task failed: " + "; ".join(failures), now)]
