"""The sending journal: final dots and replies, written by a plain ``write()`` before anything else knows of them.

The page cache outlives the process, so after a kill the next process on the same folder reads exactly which messages
were handed over, which were answered, and which are in doubt; no fsync is needed for that. One file a process, locked
while it lives; a file that nobody has locked belongs to a process that died.
"""

import asyncio
import errno
import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from services.dispatcher.channels.smtp.reply_slots import ReplySlots
from services.dispatcher.sending.journal_records import Findings, Hold, Mark, Record, encode, find, sound_octets

KEEP_SECONDS = (
    86_400.0  #: how long a journal is kept of which everything is committed: a new primary may not have got it
)
KEEP_BYTES = 256 * 1024 * 1024  #: all of these together, the newest first
ROTATE_BYTES = 64 * 1024 * 1024

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_KEPT_NAME = re.compile(r"\d+(\.\d+)?\.replayed")  # a tracker's, in the same folder on one machine, says what it holds


class Journal:
    """This process's own journal. Raises OSError when it cannot be written: then nothing may be sent."""

    def __init__(self, folder: Path, owner: int) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / f"{owner}.journal"
        self._file = _begin(self._path)
        self.replies: ReplySlots | None = None  #: of whoever sends mail and has room for them
        self._size = 0
        self._kept = 0  #: files of this process that are full
        self._noted = bytearray()
        self._is_full = False  #: the disk, and nothing on it that is only kept
        self._flush_is_due = False  #: at the end of this turn
        self._unsettled: set[tuple[int, int, int]] = set()  #: task, batch, epoch

    def write(self, record: Record) -> bytes:
        """Returns when it is written, and with it whatever was noted before; it as it stands there."""
        noted_before = len(self._noted)
        octets = self._add(record)
        try:
            self.flush()
        except OSError:
            del self._noted[noted_before:]  # what it announces does not happen; what was noted did
            raise
        return octets

    def note(self, record: Record) -> None:
        """To be written with the next record, or when this turn of the loop is over: half the writes."""
        if not self._flush_is_due:
            self._flush_is_due = True
            asyncio.get_running_loop().call_soon(self._end_turn)
        self._add(record)

    def flush(self) -> None:
        """What cannot be written stays noted."""
        if not self._noted:
            return
        try:
            self._append(self._noted)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            # What is kept for a store that may lose something is worth less than going on.
            if not _forget_kept(self._path.parent, 0):
                self._is_full = True
                raise
            self._append(self._noted)
        self._noted, self._is_full = bytearray(), False

    def _append(self, data: bytes | bytearray) -> None:
        try:
            _write_whole(self._file, data)
        except OSError:
            # Half a record would hide whatever is written behind it.
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(data)

    def reset(self) -> None:
        """Begins a new file if this one is large and everything in it is committed; it is kept for a day."""
        if self._size > ROTATE_BYTES and not self._unsettled and not self._noted:
            self._keep()
            self._file, self._size = _begin(self._path), 0

    @property
    def size(self) -> int:
        """Bytes."""
        return self._size

    def close(self) -> None:
        """Leaves nothing to be done if everything in it is committed; else it is there for the next process."""
        self.flush()
        if self.replies is not None:
            self.replies.close()
        if self._unsettled:
            os.close(self._file)
        elif self._size:
            self._keep()
        else:
            self._path.unlink(missing_ok=True)
            os.close(self._file)

    def _keep(self) -> None:
        self._path.rename(self._path.with_suffix(f".{self._kept}.replayed"))
        self._kept += 1
        os.close(self._file)
        _forget_kept(self._path.parent, KEEP_BYTES)

    def _begin_anew(self) -> None:
        """In the same file, of which everything is committed: the room it takes is all that there is."""
        os.ftruncate(self._file, 0)
        self._size, self._noted, self._is_full = 0, bytearray(), False

    def _end_turn(self) -> None:
        self._flush_is_due = False
        self.flush()

    def _add(self, record: Record) -> bytes:
        hold = record[1:4]
        if record.mark is Mark.SETTLED:
            self._unsettled.discard(hold)
            if self._is_full and not self._unsettled:
                self._begin_anew()
                return encode(record)
        else:
            self._unsettled.add(hold)
        octets = encode(record)
        self._noted += octets
        return octets


def _begin(path: Path) -> int:
    """Locked before it has the name by which others look for journals."""
    begun = path.with_suffix(".new")
    file = os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    begun.rename(path)
    return file


def _write_whole(file: int, data: bytes | bytearray) -> None:
    """What is written only in part is written on: then it is done, or the system says why not."""
    written = os.write(file, data)
    while written < len(data):
        written += os.write(file, data[written:])


@dataclass(frozen=True, slots=True)
class Orphan:
    """The journal of a process that died, locked by this one until it is replayed."""

    owner: int
    path: Path
    file: int
    findings: dict[Hold, Findings]

    def add(self, journal: bytes, records: Sequence[Record]) -> bytes:
        """Behind what stands in it, ``journal``; the journal as it is then. A record cut short would hide them.

        Where there is no room for them it is as if: they have to be in the database, and whoever replays it knows them.
        """
        journal = sound_octets(journal)
        os.ftruncate(self.file, len(journal))
        more = b"".join(map(encode, records))
        try:
            _write_whole(self.file, more)
        except OSError as error:
            os.ftruncate(self.file, len(journal))
            if error.errno not in _NO_ROOM:
                raise
        return journal + more

    def replayed(self) -> None:
        """All it says is committed: it is kept for a while under another name, and its slots are not."""
        slots_of(self.path).unlink(missing_ok=True)
        self.path.rename(self.path.with_suffix(".replayed"))
        os.close(self.file)

    def leave(self) -> None:
        """Not replayed: the next process that starts may try."""
        os.close(self.file)


def slots_of(journal: Path) -> Path:
    """Where the replies to the process of a journal were received."""
    return journal.with_suffix(".replies")


def adopt_orphans(folder: Path, own: int) -> Iterator[Orphan]:
    """Locks and reads each journal in the folder whose process is gone."""
    for path in sorted(folder.glob("*.journal")):
        owner = int(path.stem) if path.stem.isdigit() else 0
        if owner == own:
            continue
        try:
            file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            continue  # its process lives
        if not _is_at(path, file):
            os.close(file)
            continue  # replayed by somebody else between the listing and the lock, or full: its process began another
        yield Orphan(owner, path, file, find(path.read_bytes()))


def _is_at(path: Path, file: int) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(file))
    return False


def kept_journals(folder: Path, own: int) -> Iterator[tuple[int, Path]]:
    """Whose, and where: our own and those that are replayed, the oldest first."""
    replayed = [path for path in folder.glob("*.replayed") if _KEPT_NAME.match(path.name)]
    ours = folder / f"{own}.journal"
    for path in [*sorted(replayed, key=_changed_at), *([ours] if ours.exists() else [])]:
        yield int(path.name.split(".")[0]), path


def forget_replayed(folder: Path, now: float) -> None:
    """What is older than a day, and beyond the limit the oldest."""
    _forget_kept(folder, KEEP_BYTES)
    for _, path in kept_journals(folder, 0):
        if _changed_at(path) < now - KEEP_SECONDS:
            path.unlink(missing_ok=True)


def _forget_kept(folder: Path, most_bytes: int) -> bool:
    """The oldest, so that no more than so much is kept; whether there was any."""
    kept, forgot = 0, False
    for path in sorted((path for _, path in kept_journals(folder, 0)), key=_changed_at, reverse=True):
        with suppress(FileNotFoundError):
            kept += path.stat().st_size
        if kept > most_bytes:
            path.unlink(missing_ok=True)
            forgot = True
    return forgot


def _changed_at(path: Path) -> float:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime
    return 0.0
