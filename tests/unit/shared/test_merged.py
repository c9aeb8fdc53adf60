"""Segments joined to one, and taken apart again."""

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.delivery_log.merged import Original, decode_originals, encode_originals, join_hits, split_hits
from shared.delivery_log.segments import BadSegment, HitColumns, Hits, decode_hits, encode_hits

HITS = st.tuples(st.integers(0, 2**31), st.integers(0, 2**40), st.sampled_from(["", "why", "☹"]))
LINKS = st.tuples(st.integers(0, 2**31), st.integers(0, 2**40), st.integers(0, 3), st.sampled_from([0, 0x13]))
INT64 = st.integers(-(2**61), 2**61)
ORIGINALS = st.lists(st.builds(Original, INT64, INT64, INT64, INT64), min_size=1, max_size=40)


def noted(rows: list[tuple[int, int, str]]) -> Hits:
    columns = HitColumns()
    for row in rows:
        columns.add_noted(*row)
    return columns.take()


def linked(rows: list[tuple[int, int, int, int]]) -> Hits:
    columns = HitColumns()
    for row in rows:
        columns.add(*row)
    return columns.take()


SEGMENTS = st.lists(
    st.one_of(
        st.lists(HITS, min_size=1, max_size=9).map(noted),
    ),
    min_size=1,
    max_size=9,
) | st.lists(st.lists(LINKS, min_size=1, max_size=9).map(linked), min_size=1, max_size=9)


def spelled(hits: Hits) -> list[tuple[int, int, object, int]]:
    """Each hit with its note in words."""
    why = [hits.notes[detail - 1] if hits.notes and detail else detail for detail in hits.details]
    return list(zip(hits.ordinals, hits.times, why, hits.evidence or [0] * len(hits), strict=True))


@settings(settings.get_profile("untimed"))
@given(SEGMENTS)
def test_what_is_joined_comes_apart_as_it_was(segments: list[Hits]) -> None:
    """Each hit with its time, note, link and evidence, in the segment it was in and in its order."""
    originals = [Original(part, part, len(hits), part) for part, hits in enumerate(segments)]

    joined = join_hits(segments)

    assert [spelled(piece) for piece in split_hits(joined, originals)] == [spelled(hits) for hits in segments]
    assert len(set(joined.notes)) == len(joined.notes)


@settings(settings.get_profile("untimed"))
@given(ORIGINALS)
def test_originals_come_back_as_they_went(originals: list[Original]) -> None:
    part = max(each.part for each in originals)

    assert decode_originals(encode_originals(originals), part) == originals


def test_when_it_was_recorded_is_told_to_the_microsecond() -> None:
    hits = noted([(1, 5_000, ""), (2, 7_000, ""), (3, 6_000, "")])

    assert Original.of(1, 1, hits, 7_000_123) == Original(1, 1, 3, 123)
    assert Original(1, 1, 3, 123).recorded_us(hits) == 7_000_123


def test_of_neighbouring_segments_little_is_kept() -> None:
    """A thousand of one process, each recorded as soon as the other."""
    originals = [Original(n, 5_000_000 + 3 * n, 1, 5_000) for n in range(1000)]

    assert len(encode_originals(originals)) < 150


@settings(settings.get_profile("untimed"))
@given(st.binary(max_size=200) | ORIGINALS.map(encode_originals).flatmap(lambda whole: st.just(whole[:-1])))
def test_what_is_no_list_of_originals_is_refused(data: bytes) -> None:
    """Cut short, or of another format."""
    with pytest.raises(BadSegment):
        decode_originals(data, 0)


def test_hits_that_do_not_fit_together_are_seen_to_differ() -> None:
    """Their times lie further apart than is stored: whoever joins them compares, and leaves them as they are."""
    joined = join_hits([noted([(1, 0, "")]), noted([(2, 2**33, "")])])

    assert decode_hits(encode_hits(joined)) != joined
    assert joined.times == array("Q", [0, 2**33])
