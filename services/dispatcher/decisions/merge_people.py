"""Makes one wish a person of the lines of a chunk, for lines that name the same one. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from services.dispatcher.decisions.read_people import PersonLine, ReadLines
from shared.domain.profile_update import NO_UPDATE, ProfileUpdate

OTHERS: Final = "telephone: belongs to another subscriber"


@dataclass(slots=True)
class PersonWish:
    """``line``: the first that names the person. ``update``: what is said of this one alone."""

    line: int
    email: str | None
    telephone: str | None
    vars: Mapping[str, Any]
    update: ProfileUpdate = field(default=NO_UPDATE)


def merge_people(read: ReadLines) -> list[PersonWish]:
    """In the order of their first lines; what a later line says goes before. A telephone that two addresses claim is
    the first one's: the later line is blamed.
    """
    by_email: dict[str, PersonWish] = {}
    by_telephone: dict[str, PersonWish] = {}
    wishes: list[PersonWish] = []
    for person in read.people:
        of_email = by_email.get(person.email.lower()) if person.email else None
        of_telephone = by_telephone.get(person.telephone) if person.telephone else None
        if of_telephone is not None and (
            of_email is not of_telephone and (of_email is not None or (person.email and of_telephone.email))
        ):
            read.blame(person.line, OTHERS)
            continue
        wish = of_email or of_telephone
        if wish is None:
            wish = PersonWish(person.line, person.email, person.telephone, person.vars, person.update or NO_UPDATE)
            wishes.append(wish)
        else:
            _join(wish, person)
        if wish.email:
            by_email[wish.email.lower()] = wish
        if wish.telephone:
            by_telephone[wish.telephone] = wish
    return wishes


def _join(wish: PersonWish, person: PersonLine) -> None:
    wish.email = wish.email or person.email
    wish.telephone = person.telephone or wish.telephone
    if person.vars:
        wish.vars = {**wish.vars, **person.vars}
    if person.update is not None:
        wish.update = wish.update.then(person.update)


def distinct_lists(wishes: Iterable[PersonWish]) -> dict[str, bool]:
    """The lists that are named, and whether anybody is to be on each."""
    wanted: dict[str, bool] = {}
    for wish in wishes:
        for name, on in wish.update.lists.items():
            wanted[name] = wanted.get(name, False) or on
    return wanted
