"""What a batch of posted subscribers makes of those known already: who is new, who changes, who is left alone. Pure.

A person is found by external id, email (ignoring case) or telephone, whichever is given. Lines that name the same
person are one person. Whoever has ended the subscription or opted out is not touched: a POST never lifts that. Nor does
it lift a suppression, also where nobody has the address any more: a line none of whose addresses may be written to is
skipped, and so is one of whose addresses the owner said no.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shared.domain.refusal import Fault

Key = tuple[str, str]  #: field and value


@dataclass(frozen=True, slots=True)
class Wish:
    """One valid line. ``line``: its number in what was posted."""

    line: int
    email: str | None
    telephone: str | None
    external_id: str | None
    vars: Mapping[str, Any]
    confirmed: bool
    source: str | None
    consent: Mapping[str, Any] | None


@dataclass(slots=True)
class Person:
    """``held``: the subscription has ended or there is an opt-out. ``vars``: only those given."""

    id: int
    email: str | None = None
    telephone: str | None = None
    external_id: str | None = None
    held: bool = False
    vars: dict[str, Any] = field(default_factory=dict)
    confirmed: bool = False
    source: str | None = None
    consent: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Suppressions:
    """Of addresses in the wishes, as ``address_key`` says.

    ``refused``: their owner wants nothing of this list, or at all; ``held``: for whatever reason, that one included.
    """

    refused: frozenset[Key] = frozenset()
    held: frozenset[Key] = frozenset()

    def skips(self, wish: Wish) -> bool:
        addresses = {key for key in _keys(wish) if key[0] != "external_id"}
        return bool(addresses & self.refused) or addresses <= self.held


NOTHING_HELD: Final = Suppressions()


@dataclass(slots=True)
class Plan:
    new: list[Person] = field(default_factory=list)
    changed: dict[int, Person] = field(default_factory=dict)
    ids: dict[int, int] = field(default_factory=dict)  #: subscriber by line; none for who is skipped and not known
    created: int = 0
    updated: int = 0
    skipped: int = 0
    faults: list[tuple[int, Fault]] = field(default_factory=list)  #: (line, what is wrong)


class _Index:
    """Everybody by each of the keys."""

    def __init__(self, people: Iterable[Person]) -> None:
        self._by_key: dict[Key, Person] = {}
        for person in people:
            self.add(person)

    def add(self, person: Person) -> None:
        for key in _keys(person):
            self._by_key[key] = person

    def remove(self, person: Person) -> None:
        for key in _keys(person):
            del self._by_key[key]

    def find(self, wish: Wish) -> list[tuple[str, Person]]:
        """Whom the keys of a line name, each with the key; more than one is one too many."""
        found: list[tuple[str, Person]] = []
        for key in _keys(wish):
            person = self._by_key.get(key)
            if person and all(person is not other for _, other in found):
                found.append((key[0], person))
        return found


def _keys(named: Person | Wish) -> Iterator[Key]:
    if named.external_id is not None:
        yield ("external_id", named.external_id)
    if named.email is not None:
        yield address_key("email", named.email)
    if named.telephone is not None:
        yield address_key("telephone", named.telephone)


def address_key(field_name: str, address: str) -> Key:
    """What two spellings of one address have in common."""
    return (field_name, address.lower())


def plan_upsert(
    wishes: Iterable[Wish],
    known: Iterable[Person],
    fresh_ids: Iterable[int],
    suppressions: Suppressions = NOTHING_HELD,
) -> Plan:
    """``known``: everybody whom a key of the wishes names. ``fresh_ids``: at least one a wish."""
    plan, index, ids = Plan(), _Index(known), iter(fresh_ids)
    new: set[int] = set()
    for wish in wishes:
        found = index.find(wish)
        if len(found) > 1:
            plan.faults.append((wish.line, Fault(found[1][0], "belongs to another subscriber")))
            continue
        skipped = suppressions.skips(wish)
        if skipped and not found:
            plan.skipped += 1
            continue
        person = found[0][1] if found else Person(next(ids))
        plan.ids[wish.line] = person.id
        if skipped or person.held:
            plan.skipped += 1
            continue
        if found:
            plan.updated += 1
            index.remove(person)
        else:
            plan.created += 1
            plan.new.append(person)
            new.add(person.id)
        _apply(person, wish)
        index.add(person)
        if person.id not in new:
            plan.changed[person.id] = person
    return plan


def _apply(person: Person, wish: Wish) -> None:
    if wish.email and (person.email is None or wish.email.lower() != person.email.lower()):
        person.email = wish.email
    person.telephone = wish.telephone or person.telephone
    person.external_id = wish.external_id or person.external_id
    person.vars.update(wish.vars)
    person.confirmed = person.confirmed or wish.confirmed
    person.source = wish.source or person.source
    person.consent = wish.consent or person.consent
