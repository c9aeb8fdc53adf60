"""When a transport counts as blocked, and how often that is said."""

import pytest
from structlog.testing import capture_logs

from services.dispatcher.channels.interface import Outcome, OutcomeKind, Stage
from services.dispatcher.sending.next_hop import NextHop, reason_of


class Watched:
    """A transport whose clock is set by hand, and what it showed."""

    def __init__(self) -> None:
        self.now = 100.0
        self.shown: list[tuple[str, bool]] = []
        self.transport = NextHop("smtp", lambda: self.now, lambda name, blocked: self.shown.append((name, blocked)))


def test_it_is_free_until_it_is_known_to_be_blocked() -> None:
    assert Watched().shown == [("smtp", False)]


def test_blocked_and_free_again_are_each_said_once() -> None:
    """However many batches come to nothing: an alarm for each would be noise."""
    watched = Watched()
    with capture_logs() as logs:
        answers = []
        for _ in range(4):
            answers.append(watched.transport.stopped("auth: 535 no"))
            watched.now += 2.0
        watched.transport.accepted()
        watched.transport.accepted()

    assert answers == [False, False, True, True]
    assert watched.shown == [("smtp", False), ("smtp", True), ("smtp", False)]
    assert [(line["log_level"], line["action"]) for line in logs] == [
        ("warning", "transport_blocked"),
        ("info", "transport_free"),
    ]
    assert logs[0]["reason"] == "auth: 535 no"


def test_what_comes_to_nothing_beside_what_gets_through_blocks_nothing() -> None:
    """As of a relay that takes so many connections and not one more."""
    watched = Watched()
    for _ in range(20):
        assert not watched.transport.stopped("connect: 421 too many")
        watched.now += 3.9
        watched.transport.accepted()

    assert watched.shown == [("smtp", False)]


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome(OutcomeKind.BLOCKED, 535, "5.7.8 wrong", Stage.AUTH), "auth: 535 5.7.8 wrong"),
        (Outcome(OutcomeKind.UNSENT, 0, "no connection in time", Stage.CONNECT), "connect: no connection in time"),
        (
            Outcome(OutcomeKind.BLOCKED, 550, "5.1.8 <b+token@bounce.example>: not you, ask jo@x.de", Stage.MAIL),
            "mail: 550 5.1.8 <address>: not you, ask address",
        ),
    ],
)
def test_a_reason_says_where_and_why_and_names_no_address(outcome: Outcome, reason: str) -> None:
    assert reason_of(outcome) == reason
