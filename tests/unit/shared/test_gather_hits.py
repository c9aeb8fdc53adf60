"""Hits of many readers as segments."""

from shared.delivery_log.gather_hits import Hit, gather_hits
from shared.domain.delivery import Kind


def test_hits_of_one_task_and_kind_share_a_segment() -> None:
    """In the order they came, with the links of clicks and what was seen of each; numbered on from the given part."""
    hits = [
        Hit(7, Kind.OPENED, 3, 1000),
        Hit(7, Kind.CLICKED, 3, 1001, link=2),
        Hit(8, Kind.OPENED, 0, 1002),
        Hit(7, Kind.OPENED, 1, 1003, evidence=0x25),
        Hit(7, Kind.OPENED, 3, 1004),
    ]

    segments = gather_hits(hits, batch=-5, part=10)

    assert [(s.task_id, s.kind, s.batch, s.epoch, s.part) for s in segments] == [
        (7, Kind.OPENED, -5, 0, 10),
        (7, Kind.CLICKED, -5, 0, 11),
        (8, Kind.OPENED, -5, 0, 12),
    ]
    assert list(segments[0].hits.ordinals) == [3, 1, 3]
    assert list(segments[0].hits.times) == [1000, 1003, 1004]
    assert list(segments[0].hits.evidence) == [0, 0x25, 0]
    assert list(segments[1].hits.details) == [2]


def test_notes_of_a_segment_are_kept_once_each() -> None:
    """With those that have none between them."""
    hits = [
        Hit(7, Kind.BOUNCED, 3, 1000, note="no such user"),
        Hit(7, Kind.BOUNCED, 4, 1001),
        Hit(7, Kind.BOUNCED, 5, 1002, note="full"),
        Hit(7, Kind.BOUNCED, 6, 1003, note="no such user"),
    ]

    (segment,) = gather_hits(hits, batch=-5, part=0)

    assert segment.hits.notes == ("no such user", "full")
    assert list(segment.hits.details) == [1, 0, 2, 1]
