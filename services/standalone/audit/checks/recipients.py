"""Everybody of a frozen audience ends in one state, nobody is left out and nobody is in it twice. Pure."""

from collections.abc import Iterator
from typing import Final

from services.standalone.audit.findings import Check, Wrong, recipients
from services.standalone.audit.task_facts import TaskFacts
from shared.domain.delivery import Kind

#: Whoever is in one of these was not sent to.
_NOT_SENT: Final = (Kind.FAILED, Kind.SUPPRESSED, Kind.UNCHARGED, Kind.CANCELLED)


def audience_is_numbered(facts: TaskFacts) -> Iterator[Wrong]:
    audience, wanted = facts.audience, facts.row.recipients
    if not facts.frozen or wanted is None:
        return
    whole = (wanted, 0, wanted - 1) if wanted else (0, None, None)
    if (audience.count, audience.lowest, audience.highest) != whole:
        said = f"{wanted:,} recipients are promised, {audience.count:,} are written down"
        yield Wrong(f"task {facts.row.id}", abs(wanted - audience.count) or 1, said)


def people_are_distinct(facts: TaskFacts) -> Iterator[Wrong]:
    if twice := facts.audience.count - facts.audience.people:
        yield Wrong(f"task {facts.row.id}", twice, "are the same subscriber as another recipient")


def nobody_is_foreign(facts: TaskFacts) -> Iterator[Wrong]:
    if facts.audience.foreign:
        yield Wrong(f"task {facts.row.id}", facts.audience.foreign, "are subscribers of another account")


def hits_are_of_recipients(facts: TaskFacts) -> Iterator[Wrong]:
    if facts.row.recipients is None:
        return
    yield from recipients(facts.row.id, facts.log.of(*Kind) - facts.numbers, "are in the log and not in the audience")


def nobody_is_forgotten(facts: TaskFacts) -> Iterator[Wrong]:
    """An end, or a batch that will bring one. Of what is not frozen yet nobody is in a batch."""
    if facts.frozen and facts.row.recipients is not None:
        left = facts.numbers - facts.log.final - facts.batches.open
        yield from recipients(facts.row.id, left, "have no final state and are in no batch")


def states_exclude_each_other(facts: TaskFacts) -> Iterator[Wrong]:
    """Whoever is listed in doubt is excused: a late word of an earlier attempt is stored, and counts."""
    log, sent = facts.log, facts.log.of(Kind.SUBMITTED, Kind.BOUNCED)
    for kind in _NOT_SENT:
        both = (log.of(kind) & sent) - log.listed
        yield from recipients(facts.row.id, both, f"were sent to and are {kind.name.lower()}")
    for place, kind in enumerate(_NOT_SENT):
        for other in _NOT_SENT[place + 1 :]:
            both = (log.of(kind) & log.of(other)) - log.listed
            yield from recipients(facts.row.id, both, f"are both {kind.name.lower()} and {other.name.lower()}")


def batches_are_disjoint(facts: TaskFacts) -> Iterator[Wrong]:
    yield from recipients(facts.row.id, facts.batches.shared, "are in two open batches")
    if miscounted := facts.batches.miscounted:
        said = "open batches hold another number of recipients than they say"
        yield Wrong(f"task {facts.row.id}", len(miscounted), said)


def completed_is_through(facts: TaskFacts) -> Iterator[Wrong]:
    """Whoever a person has sent to once more may be on his way again."""
    if facts.row.completed:
        left = facts.numbers - facts.log.final - facts.redecided
        yield from recipients(facts.row.id, left, "have no final state, and the task is completed")


RECIPIENT_CHECKS: Final = (
    Check("numbered audience", "I6", "the audience is numbered from 0 without a gap", audience_is_numbered),
    Check("distinct people", "I5", "no subscriber is in an audience twice", people_are_distinct),
    Check("own people", "I30", "an audience holds subscribers of its own account alone", nobody_is_foreign),
    Check("hits of recipients", "I6", "nothing is recorded of who is not in the audience", hits_are_of_recipients),
    Check("nobody forgotten", "I6", "whoever has no final state is in an open batch", nobody_is_forgotten),
    Check("one state each", "I6", "nobody was sent to and is told not to be", states_exclude_each_other),
    Check("disjoint batches", "I5", "no recipient is in two open batches", batches_are_disjoint),
    Check("completed is through", "I17", "in a completed task everybody has a final state", completed_is_through),
)
