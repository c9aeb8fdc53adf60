"""The tracker's journal: what was answered while Postgres was away, on a disk of our own until it is back.

Hits and wishes to hear no more have a file each of this process, locked while it lives; a file that nobody has locked
belongs to a process that died, and whoever starts on the folder replays it. All files together have a limit; a tenth of
it is for wishes alone, so that opens and clicks never keep anybody from leaving.
"""

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from services.tracker.decisions.kept_records import Record, encode
from shared.postgres.database import Unavailable

What = Literal["wishes", "hits"]

#: In the order in which they are replayed: who wishes to hear no more is known before anything else is.
ORDER: Final[tuple[What, ...]] = ("wishes", "hits")
SHARES: Final[dict[What, float]] = {"wishes": 1.0, "hits": 0.9}  #: of the limit
KEEP_SECONDS: Final = (
    86_400.0  #: how long a replayed file is kept: a standby may turn out not to have got what was stored
)
REPLAYED: Final = ".replayed"  #: ends the name of one


class NotKept(Unavailable):
    """The journal is full, or its disk does not take it."""


@dataclass(slots=True)
class JournalFile:
    """``number``: by which Postgres knows how far it is replayed. ``file``: a descriptor that holds its lock."""

    path: Path
    number: int
    file: int
    size: int  #: bytes, of whole records

    def append(self, data: bytes) -> None:
        """Returns when it is on the disk. Raises OSError."""
        written = os.write(self.file, data)
        if written != len(data):
            # Half a record would hide whatever is written behind it.
            os.ftruncate(self.file, self.size)
            raise OSError("written only in part")
        self.size += written
        os.fdatasync(self.file)

    def read(self, offset: int, count: int) -> bytes:
        return os.pread(self.file, count, offset)


class HitJournal:
    """Raises OSError when the folder cannot be used."""

    def __init__(self, folder: Path, most_bytes: int, new_number: Callable[[], int]) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._most_bytes = most_bytes
        self._new_number = new_number
        self._own: dict[What, JournalFile] = {}
        self._turn = asyncio.Lock()
        self.away = False  #: the last that is known of Postgres; then it is not even tried

    async def keep(self, what: What, records: Iterable[Record]) -> None:
        """Returns once they are on the disk. Raises NotKept. Not to be cancelled."""
        data = b"".join(encode(record) for record in records)
        async with self._turn:
            await asyncio.to_thread(self._append, what, data)
            self.away = True

    def waiting_bytes(self) -> int:
        """Of all files in the folder that are not replayed."""
        return sum(_size(path) for what in ORDER for path in self._folder.glob(f"*.{what}"))

    def files(self) -> Iterator[JournalFile]:
        """Those to be replayed, in their order: our own, and those of processes that died, locked by us from now on."""
        for what in ORDER:
            if what in self._own:
                yield self._own[what]
            for path in sorted(self._folder.glob(f"*.{what}")):
                if what not in self._own or path != self._own[what].path:
                    orphan = _adopt(path)
                    if orphan is not None:
                        yield orphan

    async def finish(self, file: JournalFile, replayed: int) -> bool:
        """Takes it away if it was replayed to its end; else more has been written meanwhile."""
        async with self._turn:
            if replayed < file.size:
                return False
            self._own = {what: own for what, own in self._own.items() if own is not file}
            file.path.rename(file.path.with_name(file.path.name + REPLAYED))
            return True

    def leave(self, file: JournalFile) -> None:
        """Replayed or not, we are done with it for now; our own stays open until it is replayed."""
        if all(own is not file for own in self._own.values()):
            os.close(file.file)

    def forget_replayed(self, now: float) -> None:
        """What is older than a day; and beyond the limit, the oldest."""
        kept = 0
        for path in sorted(self._folder.glob(f"*{REPLAYED}"), key=_changed_at, reverse=True):
            kept += _size(path)
            if _is_ours(path) and (kept > self._most_bytes or _changed_at(path) < now - KEEP_SECONDS):
                path.unlink(missing_ok=True)

    def bring_back(self) -> int:
        """Has what was replayed within the last day looked at again; Postgres knows how much of it it has."""
        found = [path for path in self._folder.glob(f"*{REPLAYED}") if _is_ours(path)]
        for path in found:
            with suppress(FileNotFoundError):
                path.rename(path.with_name(path.name.removesuffix(REPLAYED)))
        return len(found)

    def close(self) -> None:
        """What is in it is for whoever starts next on this folder."""
        for file in self._own.values():
            os.close(file.file)
        self._own = {}

    def _append(self, what: What, data: bytes) -> None:
        if self.waiting_bytes() + len(data) > self._most_bytes * SHARES[what]:
            raise NotKept("the journal is full")
        try:
            if what not in self._own:
                self._own[what] = self._begin(what)
            self._own[what].append(data)
        except OSError as error:
            raise NotKept(f"the journal cannot be written: {error.strerror or error}") from error

    def _begin(self, what: What) -> JournalFile:
        number = self._new_number()
        path = self._folder / f"{number}.{what}"
        # Locked before it has the name by which others look for journals.
        begun = path.with_suffix(".new")
        file = os.open(begun, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        begun.rename(path)
        _sync_folder(self._folder)
        return JournalFile(path, number, file, 0)


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _adopt(path: Path) -> JournalFile | None:
    """None: its process lives, or somebody else was faster."""
    if not path.stem.isdigit():
        return None
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return None
    if not path.exists():
        os.close(file)
        return None  # replayed between the listing and the lock
    return JournalFile(path, int(path.stem), file, os.fstat(file).st_size)


def _is_ours(path: Path) -> bool:
    """And not a sender's, which keeps its own in the same folder where all run on one machine."""
    return path.name.removesuffix(REPLAYED).endswith(tuple(f".{what}" for what in ORDER))


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _changed_at(path: Path) -> float:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime
    return 0.0
