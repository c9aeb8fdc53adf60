"""What a journal says after a crash, wherever the crash cut it."""

from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from services.dispatcher.sending.journal_records import Hold, Mark, Record, decode, encode, find

RECORDS = st.builds(
    Record,
    mark=st.sampled_from(Mark),
    task_id=st.integers(0, 2**63 - 1),
    batch=st.integers(0, 2**63 - 1),
    epoch=st.integers(0, 2**31 - 1),
    ordinal=st.integers(0, 2**32 - 1),
    time_ms=st.integers(0, 2**48),
    code=st.integers(0, 999),
    note=st.text(max_size=100),
)


def record(mark: Mark, ordinal: int, note: str = "") -> Record:
    return Record(mark, 7, 1, 1, ordinal, 1_000, 250, note)


@given(st.lists(RECORDS, max_size=20))
def test_what_was_written_is_read(records: list[Record]) -> None:
    assert list(decode(b"".join(encode(entry) for entry in records))) == records


@given(st.lists(RECORDS, min_size=1, max_size=5), st.data())
def test_a_record_cut_short_ends_the_journal(records: list[Record], data: st.DataObject) -> None:
    last = encode(records[-1])
    cut = data.draw(st.integers(0, len(last) - 1))

    assert list(decode(b"".join(encode(entry) for entry in records[:-1]) + last[:cut])) == records[:-1]


@given(RECORDS, st.data())
def test_a_damaged_record_is_not_believed(entry: Record, data: st.DataObject) -> None:
    damaged = bytearray(encode(entry))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))

    assert list(decode(bytes(damaged))) == []


def test_a_dot_without_a_reply_is_in_doubt() -> None:
    entries = [record(Mark.DOT, 1), record(Mark.ACCEPTED, 1), record(Mark.DOT, 2), record(Mark.DOT, 3)]
    entries += [record(Mark.DEFERRED, 3, "451 later"), record(Mark.DOT, 4), record(Mark.NOT_TAKEN, 4)]

    findings = find(b"".join(encode(entry) for entry in entries))[Hold(7, 1, 1)]

    assert findings.doubtful == BitMap([2])
    assert {ordinal: reply.mark for ordinal, reply in findings.replies.items()} == {
        1: Mark.ACCEPTED,
        3: Mark.DEFERRED,
        4: Mark.NOT_TAKEN,
    }


def test_a_message_begun_again_is_in_doubt_again() -> None:
    entries = [record(Mark.DOT, 1), record(Mark.NOT_TAKEN, 1), record(Mark.DOT, 1)]

    findings = find(b"".join(encode(entry) for entry in entries))[Hold(7, 1, 1)]

    assert findings.doubtful == BitMap([1])
    assert findings.replies == {}


def test_a_settled_hold_is_nobody_s_business_any_more() -> None:
    """Its outcomes are in the database; a later hold of the same batch is another matter."""
    later = Record(Mark.DOT, 7, 1, 2, 5, 2_000)
    entries = [record(Mark.DOT, 1), record(Mark.ACCEPTED, 1), record(Mark.SETTLED, 0), later]

    assert set(find(b"".join(encode(entry) for entry in entries))) == {Hold(7, 1, 2)}
