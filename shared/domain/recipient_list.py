"""One list of subscriptions, and the record of changes to its subscribers. Who is on it lives in rows, not here."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce

from shared.domain.identifiers import AccountId, Instant, ListId
from shared.domain.refusal import Refused


@dataclass(frozen=True, slots=True)
class CreateList:
    list_id: ListId
    account_id: AccountId
    name: str
    name_taken: bool


Command = CreateList


@dataclass(frozen=True, slots=True)
class ListCreated:
    list_id: ListId
    account_id: AccountId
    name: str
    at: Instant


@dataclass(frozen=True, slots=True)
class SubscribersChanged:
    """One command or chunk that changed subscribers: ids only, never an address. A stream of its own."""

    list_id: ListId | None
    created: tuple[int, ...]
    updated: tuple[int, ...]
    unsubscribed: tuple[int, ...]
    at: Instant


Event = ListCreated


@dataclass(frozen=True, slots=True)
class RecipientList:
    list_id: ListId = ListId(0)
    account_id: AccountId = AccountId(0)
    name: str = ""
    cdate: Instant = Instant(0.0)


def decide(state: RecipientList, command: Command, now: Instant) -> list[Event] | Refused:
    if state.list_id:
        return []
    if command.name_taken:
        return Refused.conflict(f"there is a list called {command.name!r} already", "name")
    return [ListCreated(command.list_id, command.account_id, command.name, now)]


def evolve(state: RecipientList, event: Event) -> RecipientList:
    return replace(state, list_id=event.list_id, account_id=event.account_id, name=event.name, cdate=event.at)


def replay(history: Iterable[Event]) -> RecipientList:
    return reduce(evolve, history, RecipientList())
