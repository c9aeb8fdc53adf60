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
    max_size=80,
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


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 3), st.sampled_from([0, 0, 0x13, 0xFFFF])), max_size=9))
def test_evidence_comes_back_hit_by_hit(rows: list[tuple[int, int, int]]) -> None:
    """Beside details and without; where there is none at all the column is empty."""
    columns = HitColumns()
    for ordinal, link, evidence in rows:
        columns.add(ordinal, NOON_MS, link, evidence)
    hits = columns.take()

    back = decode_hits(encode_hits(hits))

    assert back == hits
    assert list(back.evidence) == ([evidence for _, _, evidence in rows] if any(row[2] for row in rows) else [])


def test_evidence_stands_before_the_notes() -> None:
    """Which take all that is left."""
    columns = HitColumns()
    columns.add_noted(1, NOON_MS, "user unknown")
    columns.add(2, NOON_MS, evidence=0x13)
    back = decode_hits(encode_hits(columns.take()))

    assert (back.notes, list(back.evidence)) == (("user unknown",), [0, 0x13])


def test_segments_from_before_there_was_evidence_are_read() -> None:
    """Bytes of a click on link 2 as they were written then: nothing is known of who it was."""
    stored = bytes.fromhex("010100000100000000505c18a301000005000000000000000200")

    hits = decode_hits(stored)

    assert (list(hits.ordinals), list(hits.details), list(hits.evidence)) == ([5], [2], [])


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_evidence_cut_short_is_refused(missing: int) -> None:
    columns = HitColumns()
    columns.add(1, NOON_MS, evidence=0x13)
    columns.add(2, NOON_MS, evidence=0x13)

    with pytest.raises(BadSegment):
        decode_hits(encode_hits(columns.take())[:-missing])


def test_another_format_is_refused() -> None:
    """What a later version wrote is not guessed at."""
    with pytest.raises(BadSegment, match="format 3"):
        decode_hits(b"\x03" + encode_hits(Hits.at_once([1], NOON_MS))[1:])


def test_hits_without_details_take_eight_bytes_each() -> None:
    """The common case pays for nothing it does not use."""
    one, two = (len(encode_hits(Hits.at_once(range(count), NOON_MS))) for count in (1, 2))

    assert two - one == 8


def test_a_batch_in_its_order_takes_less_than_a_byte_a_hit() -> None:
    """What a sender records: a hundred that were accepted within some milliseconds."""
    columns = HitColumns()
    for ordinal in range(100):
        columns.add(65_000 + ordinal, NOON_MS + ordinal // 5)

    assert len(encode_hits(columns.take())) < 100


@pytest.mark.parametrize(
    ("ordinals", "after"),
    [([0, 2**32 - 1] * 20, 0), ([2**31 - 1, 0] * 20, 0), ([5, 4, 3] * 20, 2**31), ([7] * 40, 2**31 - 1)],
    ids=["all ordinals", "the widest difference", "times far apart", "times as far apart as fits"],
)
def test_many_hits_come_back_however_far_apart(ordinals: list[int], after: int) -> None:
    columns = HitColumns()
    for place, ordinal in enumerate(ordinals):
        columns.add(ordinal, NOON_MS + after * (place % 2))
    hits = columns.take()

    assert decode_hits(encode_hits(hits)) == hits


def test_many_hits_that_were_stored_plainly_are_read() -> None:
    """As every version before this one wrote them."""
    hits = Hits.at_once(range(7, 47), NOON_MS)
    header = bytes([1, 0, 0, 0, len(hits), 0, 0, 0]) + NOON_MS.to_bytes(8, "little")

    assert decode_hits(header + hits.ordinals.tobytes() + bytes(4 * len(hits))) == hits


@pytest.mark.parametrize("missing", [1, 4, 5, 30])
def test_many_hits_cut_short_are_refused(missing: int) -> None:
    stored = encode_hits(Hits.at_once(range(500), NOON_MS))

    with pytest.raises(BadSegment):
        decode_hits(stored[:-missing])


def test_the_same_note_is_kept_once() -> None:
    """A thousand full mailboxes are one note."""
    hits = Hits.at_once(range(1000), NOON_MS, "mailbox full")

    assert hits.notes == ("mailbox full",)
    assert set(hits.details) == {1}


def test_columns_start_anew_once_taken() -> None:
    """What was taken is not taken again."""
    columns = HitColumns()
    columns.add(1, NOON_MS, evidence=0x13)
    first = columns.take()
    columns.add(2, NOON_MS)
    second = columns.take()

    assert (list(first.ordinals), list(second.ordinals)) == ([1], [2])
    assert (list(first.evidence), list(second.evidence)) == ([0x13], [])


def test_repeats_are_one_member() -> None:
    """A set does not care how often."""
    assert list(ordinals_of(Hits(array("I", [5, 3, 5]), array("Q", [NOON_MS] * 3), array("H", [0] * 3)))) == [3, 5]


def test_only_kinds_with_hits_become_segments() -> None:
    """And their parts have no gap."""
    nobody, somebody = Hits.at_once([], NOON_MS), Hits.at_once([1], NOON_MS)

    segments = by_kind(7, 2, 1, 4, [(Kind.SUBMITTED, somebody), (Kind.BOUNCED, nobody), (Kind.DEFERRED, somebody)])

    assert [(s.kind, s.part) for s in segments] == [(Kind.SUBMITTED, 4), (Kind.DEFERRED, 5)]
