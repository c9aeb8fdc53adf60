"""Which hits speak against an address."""

from array import array

import pytest

from services.tracker.decisions.judge_bounce import Returned, SoftBounceRule, returned_in
from shared.delivery_log.segments import HitColumns, Hits
from shared.domain.bounce import Verdict, judge_bounce
from shared.domain.delivery import Kind
from shared.domain.identifiers import Channel


@pytest.mark.parametrize(
    ("channel", "note", "verdict"),
    [
        pytest.param("email", "550 5.1.1 no such user", "hard", id="nobody there"),
        pytest.param("email", "552 5.2.2 mailbox full", "soft", id="full"),
        pytest.param("email", "", "unclear", id="not a word"),
        pytest.param("email", "receipt undeliverable: x", "unclear", id="no receipt comes by mail"),
        pytest.param("sms", "receipt undeliverable: unknown subscriber", "hard", id="undeliverable"),
        pytest.param("sms", "receipt failed", "hard", id="failed"),
        pytest.param("sms", "receipt rejected: barred", "hard", id="rejected"),
        pytest.param("sms", "Receipt Failed: x", "hard", id="in any case"),
        pytest.param("sms", "receipt expired: handset off", "unclear", id="expired"),
        pytest.param("sms", "receipt unknown", "unclear", id="unknown"),
        pytest.param("sms", "receipt failedish", "unclear", id="another word"),
        pytest.param("sms", "400 bad request", "unclear", id="the gateway would not take the text"),
        pytest.param("sms", "422 user unknown", "unclear", id="whatever it says"),
        pytest.param("sms", "550 5.1.1 no such user", "unclear", id="no mail comes by SMS"),
    ],
)
def test_a_note_is_judged_by_its_channel(channel: Channel, note: str, verdict: Verdict) -> None:
    assert judge_bounce(channel, note) == verdict


def test_a_recipient_is_judged_once_by_what_was_said_last() -> None:
    """Bounces and complaints; who opened or was refused for now is not looked at."""
    bounced = HitColumns()
    bounced.add_noted(5, 1_000, "first")
    bounced.add_noted(6, 1_000, "")
    again = Hits.at_once([5], 2_000, "last")
    complained = Hits.at_once([5], 3_000)

    assert returned_in(
        [
            (7, Kind.BOUNCED, bounced.take()),
            (7, Kind.OPENED, Hits.at_once([1], 1_000)),
            (7, Kind.DEFERRED, Hits.at_once([2], 1_000, "451 later")),
            (7, Kind.BOUNCED, again),
            (7, Kind.COMPLAINED, complained),
            (8, Kind.BOUNCED, Hits.at_once([5], 4_000, "elsewhere")),
        ]
    ) == [
        Returned(7, 5, Kind.BOUNCED, 2_000, "last"),
        Returned(7, 6, Kind.BOUNCED, 1_000, ""),
        Returned(7, 5, Kind.COMPLAINED, 3_000, ""),
        Returned(8, 5, Kind.BOUNCED, 4_000, "elsewhere"),
    ]


def test_a_place_without_a_note_says_nothing() -> None:
    """As a version that is gone may have written it: nobody stumbles over it."""
    hits = Hits(array("I", [1]), array("Q", [1_000]), array("H", [9]))

    assert [returned.note for returned in returned_in([(7, Kind.BOUNCED, hits)])] == [""]


def test_the_rule_is_told_in_words() -> None:
    assert SoftBounceRule(3, 30).told() == "3 within 30 days"
