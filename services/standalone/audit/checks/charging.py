"""Whoever is sent to is charged once, whoever is not is not. Pure."""

from collections.abc import Iterator
from typing import Final

from pyroaring import BitMap

from services.standalone.audit.findings import Check, Wrong, recipients
from services.standalone.audit.task_facts import TaskFacts
from shared.domain.delivery import Kind
from shared.domain.ledger import REFUNDED


def charged_once(facts: TaskFacts) -> Iterator[Wrong]:
    known, twice = BitMap(), BitMap()
    for members in facts.charges.by_units.values():
        twice |= known & members
        known |= members
    yield from recipients(facts.row.id, twice, "are charged twice, with different units")
    if facts.charges.miscounted:
        said = "chunks of charges say another number of members than they have"
        yield Wrong(f"task {facts.row.id}", facts.charges.miscounted, said)


def unsent_are_not_charged(facts: TaskFacts) -> Iterator[Wrong]:
    """Whoever is listed may have been sent to before."""
    charged = BitMap().union(*facts.charges.by_units.values())
    unsent = facts.log.of(*REFUNDED, Kind.UNCHARGED) - facts.log.of(Kind.SUBMITTED) - facts.log.listed
    yield from recipients(facts.row.id, charged & unsent, "were not sent to and are charged")


def sent_are_charged(facts: TaskFacts) -> Iterator[Wrong]:
    if facts.charges.always:
        charged = BitMap().union(*facts.charges.by_units.values())
        free = facts.log.of(Kind.SUBMITTED) - charged
        yield from recipients(facts.row.id, free, "were sent to and are not charged, though the account is metered")


CHARGE_CHECKS: Final = (
    Check("charged once", "I5", "no recipient is charged twice", charged_once),
    Check("unsent are free", "I6", "whoever is not sent to is charged nothing", unsent_are_not_charged),
    Check("sent are charged", "I6", "of a metered account whoever is sent to is charged", sent_are_charged),
)
