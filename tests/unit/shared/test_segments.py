"""Hits as bytes and back."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delivery_log.segments import BadSegment, HitColumns, Hits, by_kind, decode_hits, encode_hits, ordinals_of
from shared.domain.delivery import Kind

NOON_MS = 1_800_000_000_000
DAY_MS = 86_400_000
ROWS = st.lists(
    st.tuples(
        st.integers(0, 2**32 - 1),
        st.integers(NOON_MS, NOON_MS + DAY_MS),
        st.sampled_from(["", "user unknown", "Postfach voll ☹"]),
    ),
    max_size=20,
)


def gathered(rows: list[tuple[int, int, str]]) -> Hits:
    columns = HitColumns()
    for ordinal, time_ms, note in rows:
        columns.add_noted(ordinal, time_ms, note)
    return columns.take()


@given(ROWS)
def test_hits_come_back_as_they_went(rows: list[tuple[int, int, str]]) -> None:
    """In their order, repeats included, with times to the millisecond and every note."""
    hits = gathered(rows)

    back = decode_hits(encode_hits(hits))

    assert back == hits
    notes = [back.notes[detail - 1] if detail else "" for detail in back.details]
    assert list(zip(back.ordinals, back.times, notes, strict=True)) == rows


@given(ROWS, st.data())
def test_bytes_cut_short_are_refused(rows: list[tuple[int, int, str]], data: st.DataObject) -> None:
    """A part of a segment is never taken for a whole one."""
    whole = encode_hits(gathered([*rows, (1, NOON_MS, "")]))

    with pytest.raises(BadSegment):
        decode_hits(whole[: data.draw(st.integers(0, 23))])


def test_another_format_is_refused() -> None:
    """What a later version wrote is not guessed at."""
    with pytest.raises(BadSegment, match="format 2"):
        decode_hits(b"\x02" + encode_hits(Hits.at_once([1], NOON_MS))[1:])


def test_hits_without_details_take_eight_bytes_each() -> None:
    """The common case pays for nothing it does not use."""
    one, two = (len(encode_hits(Hits.at_once(range(count), NOON_MS))) for count in (1, 2))

    assert two - one == 8


def test_the_same_note_is_kept_once() -> None:
    """A thousand full mailboxes are one note."""
    hits = Hits.at_once(range(1000), NOON_MS, "mailbox full")

    assert hits.notes == ("mailbox full",)
    assert set(hits.details) == {1}


def test_columns_start_anew_once_taken() -> None:
    """What was taken is not taken again."""
    columns = HitColumns()
    columns.add(1, NOON_MS)
    first = columns.take()
    columns.add(2, NOON_MS)

    assert (list(first.ordinals), list(columns.take().ordinals)) == ([1], [2])


def test_repeats_are_one_member() -> None:
    """A set does not care how often."""
    assert list(ordinals_of(Hits(array("I", [5, 3, 5]), array("Q", [NOON_MS] * 3), array("H", [0] * 3)))) == [3, 5]


def test_only_kinds_with_hits_become_segments() -> None:
    """And their parts have no gap."""
    nobody, somebody = Hits.at_once([], NOON_MS), Hits.at_once([1], NOON_MS)

    segments = by_kind(7, 2, 1, 4, [(Kind.SUBMITTED, somebody), (Kind.BOUNCED, nobody), (Kind.DEFERRED, somebody)])

    assert [(s.kind, s.part) for s in segments] == [(Kind.SUBMITTED, 4), (Kind.DEFERRED, 5)]
