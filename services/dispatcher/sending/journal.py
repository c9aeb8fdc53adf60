"""The sending journal: final dots and replies, written by a plain ``write()`` before anything else knows of them.

The page cache outlives the process, so after a kill the next process on the same folder reads exactly which messages
were handed over, which were answered, and which are in doubt; no fsync is needed for that. One file a process, locked
while it lives; a file that nobody has locked belongs to a process that died.
"""

import asyncio
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from services.dispatcher.sending.journal_records import Findings, Hold, Mark, Record, encode, find

KEEP_SECONDS = 86_400.0  #: how long a replayed journal is kept
ROTATE_BYTES = 64 * 1024 * 1024


class Journal:
    """This process's own journal. Raises OSError when it cannot be written: then nothing may be sent."""

    def __init__(self, folder: Path, owner: int) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / f"{owner}.journal"
        # Locked before it has the name by which others look for journals.
        begun = self._path.with_suffix(".new")
        self._file = os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        begun.rename(self._path)
        self._size = 0
        self._noted = bytearray()
        self._flush_is_due = False  #: at the end of this turn
        self._unsettled: set[tuple[int, int, int]] = set()  #: task, batch, epoch

    def write(self, record: Record) -> None:
        """Returns when it is written, and with it whatever was noted before."""
        self._add(record)
        self.flush()

    def note(self, record: Record) -> None:
        """To be written with the next record, or when this turn of the loop is over: half the writes."""
        if not self._flush_is_due:
            self._flush_is_due = True
            asyncio.get_running_loop().call_soon(self._end_turn)
        self._add(record)

    def flush(self) -> None:
        if self._noted:
            data, self._noted = bytes(self._noted), bytearray()
            if os.write(self._file, data) != len(data):
                # Half a record would hide whatever is written behind it.
                os.ftruncate(self._file, self._size)
                raise OSError(f"{self._path}: written only in part")
            self._size += len(data)

    def reset(self) -> None:
        """Starts over if it has grown large and everything in it is committed."""
        if self._size > ROTATE_BYTES and not self._unsettled:
            os.ftruncate(self._file, 0)
            self._size = 0

    @property
    def size(self) -> int:
        """Bytes."""
        return self._size

    def close(self) -> None:
        """Leaves nothing behind if everything in it is committed; else it is there for the next process."""
        self.flush()
        if not self._unsettled:
            self._path.unlink(missing_ok=True)
        os.close(self._file)

    def _end_turn(self) -> None:
        self._flush_is_due = False
        self.flush()

    def _add(self, record: Record) -> None:
        hold = record[1:4]
        if record.mark is Mark.SETTLED:
            self._unsettled.discard(hold)
        else:
            self._unsettled.add(hold)
        self._noted += encode(record)


@dataclass(frozen=True, slots=True)
class Orphan:
    """The journal of a process that died, locked by this one until it is replayed."""

    owner: int
    path: Path
    file: int
    findings: dict[Hold, Findings]

    def replayed(self) -> None:
        """All it says is committed: it is kept for a while under another name."""
        self.path.rename(self.path.with_suffix(".replayed"))
        os.close(self.file)

    def leave(self) -> None:
        """Not replayed: the next process that starts may try."""
        os.close(self.file)


def adopt_orphans(folder: Path, own: int) -> Iterator[Orphan]:
    """Locks and reads each journal in the folder whose process is gone."""
    for path in sorted(folder.glob("*.journal")):
        owner = int(path.stem) if path.stem.isdigit() else 0
        if owner == own:
            continue
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            continue  # its process lives
        if not path.exists():
            os.close(file)
            continue  # replayed by somebody else between the listing and the lock
        yield Orphan(owner, path, file, find(path.read_bytes()))


def forget_replayed(folder: Path, now: float) -> None:
    for path in folder.glob("*.replayed"):
        if path.stat().st_mtime < now - KEEP_SECONDS:
            path.unlink(missing_ok=True)
