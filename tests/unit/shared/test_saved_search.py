"""The life of a saved search."""

from typing import Any

import pytest

from shared.domain.identifiers import AccountId, Instant, ListId, SearchId
from shared.domain.refusal import Refused
from shared.domain.saved_search import (
    ChangeSearch,
    Command,
    Event,
    RemoveSearch,
    SavedSearch,
    SaveSearch,
    SearchChanged,
    SearchRemoved,
    SearchSaved,
    decide,
    replay,
)
from shared.domain.still_needed import StillNeeded

NOW = Instant(1000.0)
VALID: dict[str, Any] = {"query_mode": "and", "criteria": ["valid"]}
OTHER: dict[str, Any] = {"query_mode": "or"}
SAVED = SearchSaved(SearchId(5), AccountId(1), "Valid ones", ListId(7), VALID, NOW)


def save(**given: Any) -> SaveSearch:
    wish: dict[str, Any] = {
        "search_id": SearchId(5),
        "account_id": AccountId(1),
        "name": "Valid ones",
        "list_id": ListId(7),
        "list_known": True,
        "query": VALID,
        "unknown_lists": (),
    }
    return SaveSearch(**(wish | given))


def change(**given: Any) -> ChangeSearch:
    known = {name: given.pop(name) for name in ("list_known", "unknown_lists") if name in given}
    return ChangeSearch(fields=frozenset(given), **given, **known)


@pytest.mark.parametrize(
    ("history", "command", "events"),
    [
        pytest.param([], save(), [SAVED], id="saved"),
        pytest.param([SAVED], save(), [], id="saved again: nothing"),
        pytest.param([SAVED], change(name="n"), [SearchChanged("n", ListId(7), VALID)], id="another name"),
        pytest.param([SAVED], change(query=OTHER), [SearchChanged("Valid ones", ListId(7), OTHER)], id="another query"),
        pytest.param(
            [SAVED], change(list_id=None), [SearchChanged("Valid ones", None, VALID)], id="of no list any more"
        ),
        pytest.param([SAVED], change(name="Valid ones", query=VALID), [], id="the same: nothing"),
        pytest.param([SAVED], RemoveSearch(StillNeeded()), [SearchRemoved(NOW)], id="removed"),
    ],
)
def test_what_follows(history: list[Event], command: Command, events: list[Event]) -> None:
    assert decide(replay(history), command, NOW) == events


@pytest.mark.parametrize(
    ("history", "command", "because", "fields"),
    [
        pytest.param([], save(list_known=False), "invalid", {"list_id"}, id="a list that is not there"),
        pytest.param(
            [], save(list_known=False, unknown_lists=("a", "b")), "invalid", {"list_id", "query"}, id="every fault"
        ),
        pytest.param(
            [SAVED], change(list_id=ListId(9), list_known=False), "invalid", {"list_id"}, id="changed to none"
        ),
        pytest.param([SAVED], change(query=OTHER, unknown_lists=("a",)), "invalid", {"query"}, id="a list it names"),
        pytest.param([SAVED], RemoveSearch(StillNeeded((("task", 3),))), "conflict", {""}, id="tasks wait for it"),
        pytest.param([], change(name="n"), "not found", {""}, id="never was"),
        pytest.param([SAVED, SearchRemoved(NOW)], change(name="n"), "not found", {""}, id="is no more"),
        pytest.param([SAVED, SearchRemoved(NOW)], RemoveSearch(StillNeeded()), "not found", {""}, id="removed before"),
    ],
)
def test_what_is_refused(history: list[Event], command: Command, because: str, fields: set[str]) -> None:
    refused = decide(replay(history), command, NOW)

    assert isinstance(refused, Refused)
    assert (refused.because, {fault.field for fault in refused.faults}) == (because, fields)


def test_its_history_says_what_it_is() -> None:
    search = replay([SAVED, SearchChanged("n", None, OTHER), SearchRemoved(NOW)])

    assert search == SavedSearch(SearchId(5), AccountId(1), "n", None, OTHER, NOW, removed=True)
