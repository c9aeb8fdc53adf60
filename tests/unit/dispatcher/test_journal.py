"""The journal file: whose it is, who may read it, what becomes of it."""

import asyncio
import errno
import fcntl
import os
import resource
from pathlib import Path

import pytest

from services.dispatcher.sending.journal import KEEP_SECONDS, Journal, adopt_orphans, forget_replayed, kept_journals
from services.dispatcher.sending.journal_records import Hold, Mark, Record, encode, find_all

DOT = Record(Mark.DOT, 7, 1, 1, 5, 1_000)


def test_a_living_process_keeps_its_journal(tmp_path: Path) -> None:
    """Its lock says that it lives."""
    journal = Journal(tmp_path, 11)
    journal.write(DOT)

    assert list(adopt_orphans(tmp_path, 12)) == []
    journal.close()


def test_the_journal_of_a_dead_process_is_adopted_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 11)
    journal.write(DOT)
    journal.close()

    (orphan,) = adopt_orphans(tmp_path, 12)
    assert (orphan.owner, set(orphan.findings)) == (11, {Hold(7, 1, 1)})
    assert list(adopt_orphans(tmp_path, 13)) == []

    orphan.replayed()
    assert list(adopt_orphans(tmp_path, 13)) == []


def test_one_that_could_not_be_replayed_is_left_to_the_next(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 11)
    journal.write(DOT)
    journal.close()
    for orphan in adopt_orphans(tmp_path, 12):
        orphan.leave()

    assert [orphan.owner for orphan in adopt_orphans(tmp_path, 13)] == [11]


def test_an_orderly_end_leaves_nothing_to_be_done(tmp_path: Path) -> None:
    """What was written is kept all the same, for a store that may have lost what was committed."""
    journal = Journal(tmp_path, 11)
    journal.write(DOT)
    journal.write(DOT._replace(mark=Mark.SETTLED))
    journal.close()
    Journal(tmp_path, 12).close()

    assert list(adopt_orphans(tmp_path, 13)) == []
    [(owner, path)] = kept_journals(tmp_path, 13)
    assert (owner, set(find_all(path.read_bytes(), 0))) == (11, {Hold(7, 1, 1)})
    assert find_all(path.read_bytes(), DOT.time_ms + 1) == {}
    assert list(tmp_path.iterdir()) == [path]


def test_a_large_journal_is_kept_when_a_new_one_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own comes last, and only as many are kept as there is room for: the newest."""
    monkeypatch.setattr("services.dispatcher.sending.journal.ROTATE_BYTES", 10)
    journal = Journal(tmp_path, 11)
    for place in range(3):
        journal.write(DOT._replace(ordinal=place))
        journal.write(DOT._replace(mark=Mark.SETTLED))
        journal.reset()
    kept = [path for _, path in kept_journals(tmp_path, 11)]
    names = [path.name for path in kept]
    for age, path in enumerate(reversed(kept)):
        os.utime(path, (0, 1_000_000.0 - age))
    monkeypatch.setattr("services.dispatcher.sending.journal.KEEP_BYTES", kept[0].stat().st_size)
    forget_replayed(tmp_path, 0.0)
    (tmp_path / "5.hits.replayed").touch()  # a tracker's

    assert names == ["11.0.replayed", "11.1.replayed", "11.2.replayed", "11.journal"]
    assert [path.name for _, path in kept_journals(tmp_path, 11)] == ["11.2.replayed", "11.journal"]
    assert journal.size == 0
    journal.close()


def test_replayed_journals_are_forgotten_in_time(tmp_path: Path) -> None:
    path = tmp_path / "11.replayed"
    path.touch()
    written = path.stat().st_mtime

    forget_replayed(tmp_path, written + KEEP_SECONDS - 1)
    assert path.exists()
    forget_replayed(tmp_path, written + KEEP_SECONDS + 1)
    assert not path.exists()


def test_nobody_adopts_a_journal_that_its_process_just_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one before it has no lock any more, and the name is that of a living process."""
    monkeypatch.setattr("services.dispatcher.sending.journal.ROTATE_BYTES", 10)
    journal, lock = Journal(tmp_path, 11), fcntl.flock
    journal.write(DOT)
    journal.write(DOT._replace(mark=Mark.SETTLED))

    def late(file: int, operation: int) -> None:
        monkeypatch.setattr("fcntl.flock", lock)
        journal.reset()
        journal.write(DOT)
        lock(file, operation)

    monkeypatch.setattr("fcntl.flock", late)

    assert list(adopt_orphans(tmp_path, 12)) == []
    journal.close()


async def test_what_is_noted_is_written_with_the_next_record_or_at_the_end_of_the_turn(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 11)
    written = tmp_path / "11.journal"

    journal.note(DOT)
    assert written.read_bytes() == b""
    journal.write(DOT)
    assert written.read_bytes() == 2 * encode(DOT)
    journal.note(DOT)
    await asyncio.sleep(0)
    assert written.read_bytes() == 3 * encode(DOT)
    journal.close()


def test_a_record_written_in_part_hides_nothing_behind_it(tmp_path: Path) -> None:
    """A disk that is full for a moment takes half a record; those written afterwards can still be read."""
    journal = Journal(tmp_path, 11)
    journal.write(DOT)
    whole, unlimited = len(encode(DOT)), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (whole + 7, unlimited[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            journal.write(DOT._replace(ordinal=6))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    journal.write(DOT._replace(ordinal=7))
    journal.close()

    (orphan,) = adopt_orphans(tmp_path, 12)
    assert set(orphan.findings[Hold(7, 1, 1)].doubtful) == {5, 7}
    orphan.leave()


def test_kept_journals_make_room_for_what_is_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk stops nobody from sending while it is full of what is only kept; then it does."""
    first = Journal(tmp_path, 11)
    first.write(DOT)
    first.write(DOT._replace(mark=Mark.SETTLED))
    first.close()
    journal = Journal(tmp_path, 12)

    def full(file: int, data: bytes) -> None:
        if [path for _, path in kept_journals(tmp_path, 0)] or len(data) > len(encode(DOT)):
            raise OSError(errno.ENOSPC, "No space left on device")
        os.write(file, data)

    monkeypatch.setattr("services.dispatcher.sending.journal._write_whole", full)
    journal.write(DOT)
    with pytest.raises(OSError, match="No space left"):
        journal.write(DOT._replace(note="a longer one"))

    assert [path.name for path in tmp_path.iterdir()] == ["12.journal"]
    assert (tmp_path / "12.journal").read_bytes() == encode(DOT)
    journal.close()


class SmallDisk:
    """Takes so many octets of a journal, and no more."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, file: int, data: bytes) -> None:
        if os.fstat(file).st_size + len(data) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        os.write(file, data)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> SmallDisk:
    disk = SmallDisk(2 * len(encode(DOT)))
    monkeypatch.setattr("services.dispatcher.sending.journal._write_whole", disk.write)
    return disk


def test_where_the_disk_is_full_of_what_is_committed_it_begins_anew(tmp_path: Path, disk: SmallDisk) -> None:
    """However small it is; and not before everything in it is."""
    journal, other = Journal(tmp_path, 11), DOT._replace(batch=2)
    journal.write(DOT)
    journal.write(DOT._replace(mark=Mark.SETTLED))
    with pytest.raises(OSError, match="No space left"):
        journal.write(other)
    with pytest.raises(OSError, match="No space left"):
        journal.write(DOT._replace(mark=Mark.SETTLED))
    assert journal.size == disk.room

    journal.write(other._replace(mark=Mark.SETTLED))
    assert journal.size == 0
    journal.write(other)
    assert (tmp_path / "11.journal").read_bytes() == encode(other)
    journal.close()


async def test_what_is_noted_is_not_lost_when_there_is_no_room(tmp_path: Path, disk: SmallDisk) -> None:
    """It is written when there is room again, and the record that nothing came of is not."""
    journal = Journal(tmp_path, 11)
    journal.write(DOT)
    journal.note(DOT._replace(mark=Mark.ACCEPTED, note="250 ok"))
    with pytest.raises(OSError, match="No space left"):
        journal.write(DOT._replace(ordinal=6))
    disk.room = 1_000
    journal.write(DOT._replace(ordinal=7))
    journal.close()

    (orphan,) = adopt_orphans(tmp_path, 12)
    findings = orphan.findings[Hold(7, 1, 1)]
    assert (set(findings.replies), set(findings.doubtful)) == ({5}, {7})
    orphan.leave()
