"""Events and their stored names: one line each, never a class path, so that code may move and history may not."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from shared.domain import (
    account,
    booking,
    campaign,
    inbound_sms,
    job,
    ledger,
    message,
    recipient_list,
    saved_search,
    sending_domain,
    split_test,
    suppression,
    task,
)

BY_NAME: Final[Mapping[str, type[Any]]] = {
    "account.opened": account.AccountOpened,
    "account.user_added": account.UserAdded,
    "account.key_added": account.KeyAdded,
    "account.key_revoked": account.KeyRevoked,
    "campaign.created": campaign.CampaignCreated,
    "campaign.changed": campaign.CampaignChanged,
    "campaign.callback_changed": campaign.CallbackChanged,
    "campaign.payload_added": campaign.PayloadAdded,
    "campaign.payload_changed": campaign.PayloadChanged,
    "campaign.payload_removed": campaign.PayloadRemoved,
    "campaign.drafted": campaign.CampaignDrafted,
    "campaign.scheduled": campaign.CampaignScheduled,
    "campaign.readied": campaign.CampaignReadied,
    "campaign.delayed": campaign.CampaignDelayed,
    "campaign.started": campaign.CampaignStarted,
    "campaign.completed": campaign.CampaignCompleted,
    "campaign.failed": campaign.CampaignFailed,
    "campaign.removed": campaign.CampaignRemoved,
    "booking.added": booking.BookingAdded,
    "booking.changed": booking.BookingChanged,
    "booking.removed": booking.BookingRemoved,
    "domain.added": sending_domain.DomainAdded,
    "domain.changed": sending_domain.DomainChanged,
    "domain.seen": sending_domain.DomainSeen,
    "domain.removed": sending_domain.DomainRemoved,
    "job.created": job.JobCreated,
    "job.started": job.JobStarted,
    "job.completed": job.JobCompleted,
    "job.failed": job.JobFailed,
    "ledger.terms_set": ledger.TermsSet,
    "ledger.charged": ledger.Charged,
    "ledger.refunded": ledger.Refunded,
    "list.created": recipient_list.ListCreated,
    "list.renamed": recipient_list.ListRenamed,
    "list.removed": recipient_list.ListRemoved,
    "list.subscribers_changed": recipient_list.SubscribersChanged,
    "list.subscribers_erased": recipient_list.SubscribersErased,
    "list.subscribers_suppressed": suppression.SubscribersSuppressed,
    "list.suppressions_lifted": suppression.SuppressionsLifted,
    "message.created": message.MessageCreated,
    "message.edited": message.MessageEdited,
    "message.removed": message.MessageRemoved,
    "sms.received": inbound_sms.SmsReceived,
    "search.saved": saved_search.SearchSaved,
    "search.changed": saved_search.SearchChanged,
    "search.removed": saved_search.SearchRemoved,
    "splittest.created": split_test.SplitTestCreated,
    "splittest.changed": split_test.SplitTestChanged,
    "splittest.started": split_test.SplitTestStarted,
    "splittest.drawn": split_test.SplitTestDrawn,
    "splittest.measured": split_test.SplitTestMeasured,
    "splittest.winner_chosen": split_test.WinnerChosen,
    "splittest.cancelled": split_test.SplitTestCancelled,
    "splittest.completed": split_test.SplitTestCompleted,
    "task.created": task.TaskCreated,
    "task.changed": task.TaskChanged,
    "task.cancelled": task.TaskCancelled,
    "task.started": task.TaskStarted,
    "task.audience_frozen": task.AudienceFrozen,
    "task.paused": task.TaskPaused,
    "task.resumed": task.TaskResumed,
    "task.in_doubt_decided": task.InDoubtDecided,
    "task.completed": task.TaskCompleted,
}
NAMES: Final[Mapping[type[Any], str]] = {kind: name for name, kind in BY_NAME.items()}


def name_of(event: object) -> str:
    """Raises KeyError for an event that is not in the table."""
    return NAMES[type(event)]


def read_event(name: str, data: Mapping[str, Any]) -> object:
    """Raises KeyError for an unknown name, TypeError for fields this version does not know."""
    # Events are frozen, so what JSON gives back as a list was a tuple.
    return BY_NAME[name](**{field: tuple(value) if isinstance(value, list) else value for field, value in data.items()})


def fields_of(event: Any) -> dict[str, Any]:
    """As they are stored, by name."""
    kind = type(event)
    names = _FIELDS.get(kind)
    if names is None:
        names = _FIELDS[kind] = tuple(field.name for field in fields(kind))
    return {name: getattr(event, name) for name in names}


_FIELDS: Final[dict[type[Any], tuple[str, ...]]] = {}  #: found once
