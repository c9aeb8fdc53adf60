"""The records of the tracker's journal: whatever is written is read again, and whatever was cut off ends it."""

import struct
import zlib
from array import array
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracker.decisions.kept_records import Record, decode, encode, only_recipients
from services.tracker.decisions.read_wish import Wished
from shared.delivery_log.gather_hits import Hit, gather_hits
from shared.delivery_log.segments import Hits, Segment
from shared.domain.delivery import Kind

TASKS = st.integers(0, 2**63 - 1)
ORDINALS = st.integers(0, 2**32 - 1)
MOMENTS = st.integers(1_700_000_000_000, 1_700_000_900_000)

wishes = st.builds(Wished, TASKS, ORDINALS, st.sampled_from(["list", "all"]), MOMENTS)
hits = st.builds(
    Hit,
    st.just(7),
    st.sampled_from([Kind.OPENED, Kind.CLICKED]),
    ORDINALS,
    MOMENTS,
    link=st.integers(0, 65_535),
    note=st.just(""),
    evidence=st.integers(0, 65_535),
) | st.builds(
    Hit,
    st.just(7),
    st.just(Kind.BOUNCED),
    ORDINALS,
    MOMENTS,
    link=st.just(0),
    note=st.text(max_size=20),
    evidence=st.just(0),
)
segments = st.builds(gather_hits, st.lists(hits, max_size=20), st.integers(-(2**62), -2), st.integers(0, 2**20))


@given(wishes=st.lists(wishes, max_size=5), segments=segments)
def test_what_is_written_is_read_again(wishes: list[Wished], segments: list[Segment]) -> None:
    """And each is told with the place where it ends, which is where the next begins."""
    records: list[Record] = [*wishes, *segments]
    data = b"".join(map(encode, records))
    read = list(decode(data))

    assert [record for record, _ in read] == records
    assert [end for _, end in read] == [len(b"".join(map(encode, records[: n + 1]))) for n in range(len(records))]


@given(wishes=st.lists(wishes, min_size=1, max_size=5), data=st.data())
def test_a_journal_ends_where_it_was_cut_or_damaged(wishes: list[Wished], data: st.DataObject) -> None:
    """What stands before is read, nothing is made up, and nothing raises."""
    written = b"".join(map(encode, wishes))
    place = data.draw(st.integers(0, len(written) - 1))
    whole = place // len(encode(wishes[0]))
    damaged = bytearray(written)
    damaged[place] ^= data.draw(st.integers(1, 255))

    assert [record for record, _ in decode(written[:place])] == wishes[:whole]
    assert [record for record, _ in decode(bytes(damaged))] == wishes[:whole]


@given(st.binary(max_size=200))
def test_bytes_that_are_no_journal_raise_nothing(data: bytes) -> None:
    assert list(decode(data)) == []


def test_a_checksum_that_holds_is_not_yet_a_record() -> None:
    """Of a later version, say."""
    wish = bytearray(encode(Wished(7, 1, "all", 5)))
    wish[8:9] = b"x"

    assert list(decode(bytes(wish))) == []


def hits_of(*ordinals: int) -> Hits:
    return Hits(array("I", ordinals), array("Q", [1, 2, 3][: len(ordinals)]), array("H", [1] * len(ordinals)), ("why",))


@pytest.mark.parametrize(
    ("recipients", "left"), [(10, (1, 9, 2)), (9, (1, 2)), (2, (1,)), (1, ())], ids=["all", "some", "one", "nobody"]
)
def test_only_recipients_of_the_task_are_left(recipients: int, left: Sequence[int]) -> None:
    """With their times and notes; nobody left is no segment."""
    segment = Segment(7, Kind.BOUNCED, -5, 0, 3, hits_of(1, 9, 2))
    found = only_recipients(segment, recipients)

    assert (found is None) == (not left)
    if found is not None:
        assert tuple(found.hits.ordinals) == left
        assert found.hits.notes == ("why",)
        assert tuple(found.hits.times) == tuple({1: 1, 9: 2, 2: 3}[ordinal] for ordinal in left)


def test_evidence_stays_with_its_hit() -> None:
    [segment] = gather_hits([Hit(7, Kind.OPENED, n, 5, evidence=n) for n in (3, 8, 4)], -5, 0)
    found = only_recipients(segment, 8)

    assert found is not None
    assert (list(found.hits.ordinals), list(found.hits.evidence)) == ([3, 4], [3, 4])


@pytest.mark.parametrize("rest", [b"w", b"s", b"w" + bytes(40)], ids=["a wish", "a segment", "more than a wish"])
def test_what_is_whole_and_makes_no_sense_ends_it_as_well(rest: bytes) -> None:
    """A later version may have written it."""
    assert list(decode(struct.pack("<II", zlib.crc32(rest), len(rest)) + rest)) == []
