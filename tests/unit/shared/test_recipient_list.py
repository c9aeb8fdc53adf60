"""The life of a list, as history, command and what follows."""

from collections.abc import Sequence

import pytest

from shared.domain.identifiers import AccountId, Instant, ListId
from shared.domain.recipient_list import Command, CreateList, Event, ListCreated, RecipientList, decide, replay
from shared.domain.refusal import Refused

NOON = Instant(43_200.0)
CREATED: list[Event] = [ListCreated(ListId(5), AccountId(7), "friends", NOON)]


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
    ],
)
def test_what_follows(given: Sequence[Event], when: Command, then: list[Event] | Refused) -> None:
    assert decide(replay(given), when, NOON) == then


def test_a_list_knows_its_name_and_whose_it_is() -> None:
    assert replay(CREATED) == RecipientList(ListId(5), AccountId(7), "friends", NOON)
