"""One saved search: a query over subscribers under a name, of the whole account or of one list.

Whom it finds is worked out when it is asked: a count now, the audience of a task when that starts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, assert_never

from shared.domain.identifiers import AccountId, Instant, ListId, SearchId
from shared.domain.refusal import Fault, Refused
from shared.domain.still_needed import StillNeeded

Wire = Mapping[str, Any]  #: a query as ``write_subscriber_query.to_json`` writes it


@dataclass(frozen=True, slots=True)
class SaveSearch:
    """``list_known`` and ``unknown_lists`` were looked up: of the search itself, and those that its query names."""

    search_id: SearchId
    account_id: AccountId
    name: str
    list_id: ListId | None
    list_known: bool
    query: Wire
    unknown_lists: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangeSearch:
    """Only what is named in ``fields`` is wanted."""

    fields: frozenset[str]
    name: str = ""
    list_id: ListId | None = None
    list_known: bool = True
    query: Wire = field(default_factory=dict)
    unknown_lists: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RemoveSearch:
    """``needed``: by what is yet to be sent to it."""

    needed: StillNeeded


Command = SaveSearch | ChangeSearch | RemoveSearch


@dataclass(frozen=True, slots=True)
class SearchSaved:
    search_id: SearchId
    account_id: AccountId
    name: str
    list_id: ListId | None
    query: Wire
    at: Instant


@dataclass(frozen=True, slots=True)
class SearchChanged:
    """The values after the change."""

    name: str
    list_id: ListId | None
    query: Wire


@dataclass(frozen=True, slots=True)
class SearchRemoved:
    at: Instant


Event = SearchSaved | SearchChanged | SearchRemoved


@dataclass(frozen=True, slots=True)
class SavedSearch:
    search_id: SearchId = SearchId(0)
    account_id: AccountId = AccountId(0)
    name: str = ""
    list_id: ListId | None = None
    query: Wire = field(default_factory=dict)
    cdate: Instant = Instant(0.0)
    removed: bool = False


def decide(search: SavedSearch, command: Command, now: Instant) -> list[Event] | Refused:
    match command:
        case SaveSearch():
            return _save(search, command, now)
        case _ if not search.search_id or search.removed:
            return Refused.not_found("there is no such search")
        case ChangeSearch():
            return _change(search, command)
        case RemoveSearch(needed):
            return needed.refusal() or [SearchRemoved(now)]
        case _:
            assert_never(command)


def _save(search: SavedSearch, wish: SaveSearch, now: Instant) -> list[Event] | Refused:
    if search.search_id:
        return []
    if faults := _faults(wish.list_id, wish.unknown_lists, list_known=wish.list_known):
        return Refused.invalid(*faults)
    return [SearchSaved(wish.search_id, wish.account_id, wish.name, wish.list_id, wish.query, now)]


def _change(search: SavedSearch, wish: ChangeSearch) -> list[Event] | Refused:
    # What stays is not questioned: a search whose list is gone can still get another name.
    if faults := _faults(wish.list_id, wish.unknown_lists, list_known=wish.list_known):
        return Refused.invalid(*faults)
    before = SearchChanged(search.name, search.list_id, search.query)
    after = replace(before, **{name: getattr(wish, name) for name in wish.fields})
    return [] if after == before else [after]


def _faults(list_id: ListId | None, unknown_lists: tuple[str, ...], *, list_known: bool) -> list[Fault]:
    faults = [Fault("query", f"there is no list {name!r}") for name in unknown_lists]
    if list_id is not None and not list_known:
        faults.append(Fault("list_id", f"there is no list {list_id}"))
    return faults


def evolve(search: SavedSearch, event: Event) -> SavedSearch:
    match event:
        case SearchSaved(search_id, account_id, name, list_id, query, at):
            return SavedSearch(search_id, account_id, name, list_id, query, at)
        case SearchChanged(name, list_id, query):
            return replace(search, name=name, list_id=list_id, query=query)
        case SearchRemoved():
            return replace(search, removed=True)
        case _:
            assert_never(event)


def replay(history: Iterable[Event]) -> SavedSearch:
    return reduce(evolve, history, SavedSearch())
