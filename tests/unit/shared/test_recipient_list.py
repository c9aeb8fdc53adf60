"""The life of a list, as history, command and what follows."""

from collections.abc import Sequence

import pytest

from shared.domain.identifiers import AccountId, Instant, ListId
from shared.domain.recipient_list import (
    Command,
    CreateList,
    Event,
    ListCreated,
    ListRemoved,
    ListRenamed,
    RecipientList,
    RemoveList,
    RenameList,
    decide,
    replay,
)
from shared.domain.refusal import Refused
from shared.domain.still_needed import StillNeeded

NOON = Instant(43_200.0)
LATER = Instant(50_000.0)
CREATED: list[Event] = [ListCreated(ListId(5), AccountId(7), "friends", NOON)]
REMOVED: list[Event] = [*CREATED, ListRemoved(LATER)]
GONE = Refused.not_found("there is no such list")


@pytest.mark.parametrize(
    ("given", "when", "then"),
    [
        pytest.param([], CreateList(ListId(5), AccountId(7), "friends", False), CREATED, id="a list is created"),
        pytest.param(CREATED, CreateList(ListId(5), AccountId(7), "friends", True), [], id="again is no change"),
        pytest.param(
            [],
            CreateList(ListId(5), AccountId(7), "friends", True),
            Refused.conflict("there is a list called 'friends' already", "name"),
            id="two lists of one name cannot be",
        ),
        pytest.param(
            CREATED, RenameList("foes", False, StillNeeded()), [ListRenamed("foes", NOON)], id="it gets another name"
        ),
        pytest.param(CREATED, RenameList("friends", False, StillNeeded()), [], id="its own name is no change"),
        pytest.param(
            CREATED,
            RenameList("foes", True, StillNeeded()),
            Refused.conflict("there is a list called 'foes' already", "name"),
            id="nor the name of another",
        ),
        pytest.param(
            CREATED,
            RenameList("foes", False, StillNeeded((("task", 7),))),
            Refused.conflict("it is still needed by task 7"),
            id="nor while a task's search is to find it by its name",
        ),
        pytest.param(CREATED, RemoveList(StillNeeded()), [ListRemoved(NOON)], id="it is removed"),
        pytest.param(
            CREATED,
            RemoveList(StillNeeded((("split test", 4),))),
            Refused.conflict("it is still needed by split test 4"),
            id="unless something is sent to it",
        ),
        pytest.param(REMOVED, RenameList("foes", False, StillNeeded()), GONE, id="what is removed is not there"),
        pytest.param([], RemoveList(StillNeeded()), GONE, id="nor what never was"),
    ],
)
def test_what_follows(given: Sequence[Event], when: Command, then: list[Event] | Refused) -> None:
    assert decide(replay(given), when, NOON) == then


def test_a_list_knows_its_name_and_whose_it_is() -> None:
    renamed = [*CREATED, ListRenamed("foes", LATER)]

    assert replay(CREATED) == RecipientList(ListId(5), AccountId(7), "friends", NOON, NOON)
    assert replay(renamed) == RecipientList(ListId(5), AccountId(7), "foes", NOON, LATER)
    assert replay(REMOVED).removed
