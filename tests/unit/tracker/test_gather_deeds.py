"""What hits say of persons."""

from services.tracker.decisions.gather_deeds import gather_deeds
from shared.delivery_log.segments import HitColumns, Hits
from shared.domain.delivery import Kind


def noted(*notes: str) -> Hits:
    columns = HitColumns()
    for ordinal, note in enumerate(notes):
        columns.add_noted(ordinal, 1000 + ordinal, note)
    return columns.take()


def test_opens_and_clicks_one_by_one() -> None:
    """Repeats included: how often is a question, too."""
    deeds = gather_deeds([(7, Kind.OPENED, Hits.at_once([3, 3, 1], 1000)), (8, Kind.CLICKED, Hits.at_once([0], 2000))])

    assert (deeds.tasks, deeds.ordinals) == ([7, 7, 7, 8], [3, 3, 1, 0])
    assert (deeds.kinds, deeds.times) == ([Kind.OPENED] * 3 + [Kind.CLICKED], [1000, 1000, 1000, 2000])


def test_of_bounces_those_for_now() -> None:
    """A hard one is a suppression, and one that says nothing is held against nobody."""
    notes = ("5.2.2 mailbox full", "5.1.1 no such user", "", "450 greylisted", "5.2.2 mailbox full")
    deeds = gather_deeds([(7, Kind.BOUNCED, noted(*notes))])

    assert (deeds.ordinals, deeds.times) == ([0, 3, 4], [1000, 1003, 1004])
    assert set(deeds.kinds) == {Kind.BOUNCED}


def test_nothing_else_is_done_by_a_person() -> None:
    others = set(Kind) - {Kind.OPENED, Kind.CLICKED, Kind.BOUNCED}

    assert not gather_deeds((7, kind, Hits.at_once([0], 1000, note="mailbox full")) for kind in others)
    assert not gather_deeds([(7, Kind.BOUNCED, noted("5.1.1 no such user"))])
