"""What a campaign needs before it can be sent, and what of it is missing. Pure."""

from collections.abc import Iterator, Sequence

from shared.domain.campaign import Campaign
from shared.domain.campaign_commands import Known, Named
from shared.domain.identifiers import DomainId, ListId, SearchId
from shared.domain.refusal import Fault


def named_in(campaign: Campaign) -> Named:
    return Named(
        campaign.account_id,
        frozenset({campaign.list_id}),
        frozenset() if campaign.domain_id is None else frozenset({campaign.domain_id}),
        frozenset(campaign.segments),
        frozenset(payload.message_id for payload in campaign.payloads),
    )


def is_of(known: Known, campaign: Campaign) -> bool:
    """Whether all that the campaign names was asked for: somebody may have changed it since it was looked up."""
    names, asked = named_in(campaign), known.asked
    return (
        names.lists <= asked.lists
        and names.domains <= asked.domains
        and names.segments <= asked.segments
        and names.messages <= asked.messages
    )


def missing_of(campaign: Campaign, known: Known) -> list[Fault]:
    """All of it, each by the name of its field; nothing: it may be READY."""
    found = [] if campaign.payloads else [Fault("payloads", "there is none")]
    found += [
        Fault("payloads", f"message {payload.message_id} is gone")
        for payload in campaign.payloads
        if known.messages.get(payload.message_id) != payload.channel
    ]
    found += domain_faults(campaign.domain_id, known)
    if campaign.domain_id is not None and known.domains.get(campaign.domain_id) is False:
        found.append(Fault("domain", f"domain {campaign.domain_id} takes no bounces, or DNS does not show it"))
    found += list_faults(campaign.list_id, known)
    found += segment_faults(campaign.segments, campaign.list_id, known)
    if campaign.domain_id is None:
        found.append(Fault("domain", "is not named"))
    if campaign.when is None:
        found.append(Fault("when", "is not set"))
    return found


def list_faults(list_id: ListId, known: Known) -> list[Fault]:
    return [] if list_id in known.lists else [Fault("list", f"there is no list {list_id}")]


def domain_faults(domain_id: DomainId | None, known: Known) -> list[Fault]:
    if domain_id is None or domain_id in known.domains:
        return []
    return [Fault("domain", f"there is no domain {domain_id}")]


def segment_faults(segments: Sequence[SearchId], list_id: ListId, known: Known) -> list[Fault]:
    return list(_segment_faults(segments, list_id, known))


def _segment_faults(segments: Sequence[SearchId], list_id: ListId, known: Known) -> Iterator[Fault]:
    for segment in segments:
        if segment not in known.segments:
            yield Fault("segments", f"there is no segment {segment}")
        elif known.segments[segment] != list_id:
            yield Fault("segments", f"segment {segment} is not of list {list_id}")


def in_words(faults: Sequence[Fault]) -> str:
    """For people: ``domain: is not named; when: is not set``."""
    return "; ".join(f"{fault.field}: {fault.message}" for fault in faults)
