"""Nobody is sent to twice in silence, and what was sent is what is recorded. Pure."""

from collections.abc import Iterator
from typing import Final

from services.standalone.audit.findings import Check, Wrong, recipients
from services.standalone.audit.task_facts import TaskFacts
from shared.domain.delivery import Kind


def accepted_once(facts: TaskFacts) -> Iterator[Wrong]:
    """In two holds of batches: what one hold says twice is a journal replayed beside its last commit."""
    silent = facts.log.accepted_twice - facts.log.listed
    yield from recipients(facts.row.id, silent, "were accepted in two attempts and are not listed in doubt")


def doubled_are_listed(facts: TaskFacts) -> Iterator[Wrong]:
    if facts.outside:
        silent = facts.outside.twice - facts.log.listed
        yield from recipients(facts.row.id, silent, "got two copies and are not listed in doubt")


def at_most_two_copies(facts: TaskFacts) -> Iterator[Wrong]:
    """Unless a person has wished for one more."""
    if facts.outside:
        more = facts.outside.thrice - facts.redecided
        yield from recipients(facts.row.id, more, "got three copies or more")


def accepted_were_taken(facts: TaskFacts) -> Iterator[Wrong]:
    if facts.outside:
        invented = facts.log.of(Kind.SUBMITTED) - facts.outside.once
        yield from recipients(facts.row.id, invented, "are told to be accepted, and no relay has taken their message")


def taken_are_recorded(facts: TaskFacts) -> Iterator[Wrong]:
    """Once nothing of a recipient is under way. One in doubt may have been sent to: that is what it says."""
    if facts.outside:
        known = facts.log.of(Kind.SUBMITTED) | facts.log.listed | facts.batches.open
        yield from recipients(facts.row.id, facts.outside.once - known, "got a message of which the log knows nothing")


def copies_are_alike(facts: TaskFacts) -> Iterator[Wrong]:
    if facts.outside:
        yield from recipients(facts.row.id, facts.outside.altered, "got two copies whose envelope or date differ")


COPY_CHECKS: Final = (
    Check("accepted once", "I5", "nobody is accepted in two attempts unless listed in doubt", accepted_once),
    Check("doubled are listed", "I5", "whoever got two copies is listed in doubt", doubled_are_listed),
    Check("two copies at most", "I7", "in doubt is resent once, unless a person wants more", at_most_two_copies),
    Check("accepted were taken", "I5", "a relay has taken whatever is told to be accepted", accepted_were_taken),
    Check("taken are recorded", "I6", "whatever a relay has taken is in the log", taken_are_recorded),
    Check("same on each attempt", "I8", "sender, Message-ID and Date repeat byte for byte", copies_are_alike),
)
