"""One list of subscriptions, and the record of changes to its subscribers. Who is on it lives in rows, not here."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import assert_never

from shared.domain.identifiers import AccountId, Instant, ListId
from shared.domain.refusal import Refused
from shared.domain.still_needed import StillNeeded


@dataclass(frozen=True, slots=True)
class CreateList:
    list_id: ListId
    account_id: AccountId
    name: str
    name_taken: bool


@dataclass(frozen=True, slots=True)
class RenameList:
    """``name_taken``: another list of the account is called so. ``searching``: what is yet to find its people by a
    search that knows the list by its name.
    """

    name: str
    name_taken: bool
    searching: StillNeeded


@dataclass(frozen=True, slots=True)
class RemoveList:
    """``needed``: by what goes to it and has not come to its end."""

    needed: StillNeeded


Command = CreateList | RenameList | RemoveList


@dataclass(frozen=True, slots=True)
class ListCreated:
    list_id: ListId
    account_id: AccountId
    name: str
    at: Instant


@dataclass(frozen=True, slots=True)
class ListRenamed:
    name: str
    at: Instant


@dataclass(frozen=True, slots=True)
class ListRemoved:
    """With all its subscriptions; the subscribers stay."""

    at: Instant


@dataclass(frozen=True, slots=True)
class SubscribersErased:
    """These people are numbers from now on. A stream of its own."""

    subscribers: tuple[int, ...]
    at: Instant


@dataclass(frozen=True, slots=True)
class SubscribersChanged:
    """One command or chunk that changed subscribers: ids only, never an address. A stream of its own."""

    list_id: ListId | None
    created: tuple[int, ...]
    updated: tuple[int, ...]
    unsubscribed: tuple[int, ...]
    at: Instant


Event = ListCreated | ListRenamed | ListRemoved


@dataclass(frozen=True, slots=True)
class RecipientList:
    """``mdate``: when it was last changed."""

    list_id: ListId = ListId(0)
    account_id: AccountId = AccountId(0)
    name: str = ""
    cdate: Instant = Instant(0.0)
    mdate: Instant = Instant(0.0)
    removed: bool = False


def decide(state: RecipientList, command: Command, now: Instant) -> list[Event] | Refused:
    match command:
        case CreateList(list_id, account_id, name, name_taken):
            if state.list_id:
                return []
            return _taken(name) if name_taken else [ListCreated(list_id, account_id, name, now)]
        case _ if not state.list_id or state.removed:
            return Refused.not_found("there is no such list")
        case RenameList(name, name_taken, searching):
            if name == state.name:
                return []
            return _taken(name) if name_taken else searching.refusal() or [ListRenamed(name, now)]
        case RemoveList(needed):
            return needed.refusal() or [ListRemoved(now)]
        case _:
            assert_never(command)


def _taken(name: str) -> Refused:
    return Refused.conflict(f"there is a list called {name!r} already", "name")


def evolve(state: RecipientList, event: Event) -> RecipientList:
    match event:
        case ListCreated(list_id, account_id, name, at):
            return RecipientList(list_id, account_id, name, at, at)
        case ListRenamed(name, at):
            return replace(state, name=name, mdate=at)
        case ListRemoved(at):
            return replace(state, removed=True, mdate=at)
        case _:
            assert_never(event)


def replay(history: Iterable[Event]) -> RecipientList:
    return reduce(evolve, history, RecipientList())
