"""The life of a message, as history, command and what follows."""

from collections.abc import Sequence

import pytest

from shared.domain.identifiers import AccountId, Instant, MessageId, UserId
from shared.domain.message import (
    Command,
    Content,
    CreateMessage,
    EditMessage,
    Event,
    Message,
    MessageCreated,
    MessageEdited,
    MessageRemoved,
    RemoveMessage,
    decide,
    replay,
)
from shared.domain.refusal import Refused
from shared.domain.still_needed import StillNeeded

NOON = Instant(43_200.0)
HELLO: Content = {"subject": "Hello", "track_opens": True}
LINKS = ("https://a.example/",)

CREATE = CreateMessage(MessageId(3), AccountId(7), UserId(70), "email", "Spring", HELLO, LINKS)
CREATED: list[Event] = [MessageCreated(MessageId(3), AccountId(7), UserId(70), "email", "Spring", HELLO, LINKS, NOON)]
EDITED = [*CREATED, MessageEdited("Spring", {"subject": "Bye"}, ())]


@pytest.mark.parametrize(
    ("given", "when", "then"),
    [
        pytest.param([], CREATE, CREATED, id="a message is created as given"),
        pytest.param(CREATED, CREATE, [], id="creating it again changes nothing"),
        pytest.param(CREATED, RemoveMessage(StillNeeded()), [MessageRemoved(NOON)], id="it is removed"),
        pytest.param(
            CREATED,
            RemoveMessage(StillNeeded((("task", 1),))),
            Refused.conflict("it is still needed by task 1"),
            id="unless tasks wait for it",
        ),
        pytest.param(
            [*CREATED, MessageRemoved(NOON)],
            EditMessage("Summer", HELLO, LINKS),
            Refused.not_found("there is no such message"),
            id="what is removed cannot be edited",
        ),
        pytest.param(
            CREATED,
            EditMessage("Spring", {"subject": "Bye"}, ()),
            [MessageEdited("Spring", {"subject": "Bye"}, ())],
            id="its content can be edited",
        ),
        pytest.param(
            CREATED, EditMessage("Summer", HELLO, LINKS), [MessageEdited("Summer", HELLO, LINKS)], id="and its name"
        ),
        pytest.param(CREATED, EditMessage("Spring", dict(HELLO), LINKS), [], id="as it is, it is no new version"),
        pytest.param(
            EDITED,
            EditMessage("Spring", HELLO, LINKS),
            [MessageEdited("Spring", HELLO, LINKS)],
            id="going back is a new version",
        ),
        pytest.param(
            [],
            EditMessage("Spring", HELLO, LINKS),
            Refused.not_found("there is no such message"),
            id="what is not there cannot be edited",
        ),
    ],
)
def test_what_follows(given: Sequence[Event], when: Command, then: list[Event] | Refused) -> None:
    assert decide(replay(given), when, NOON) == then


def test_each_edit_is_a_new_version_of_the_same_message() -> None:
    assert replay(CREATED).version == 1
    assert replay(EDITED) == Message(
        message_id=MessageId(3),
        account_id=AccountId(7),
        user_id=UserId(70),
        channel="email",
        name="Spring",
        version=2,
        content={"subject": "Bye"},
        links=(),
        cdate=NOON,
    )
