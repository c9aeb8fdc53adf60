"""Where replies are received: memory that outlives the process, a slot for each of its SMTP sessions.

The kernel's ``recv`` itself puts a reply where the next process finds it, so there is no moment at which one is read
and not recorded. A slot is a page of a file beside the journal: a head that names the dot whose reply is waited for,
and behind it the octets that came since that dot was recorded. They are never written over, so what stands there is the
beginning of what the relay said after that dot, and the first reply in it is the one to that dot. The file's first page
says in which run of the machine this is true: what a crash of the machine left of it is not believed.
"""

import fcntl
import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from services.dispatcher.channels.smtp.witness import HEAD_OCTETS, SLOT_OCTETS

_MOST_NAME: Final = HEAD_OCTETS - 2  #: octets; head: 1 for a name, its length, the name
_CONTENT_OCTETS: Final = SLOT_OCTETS - HEAD_OCTETS
_LENGTHS: Final = tuple(bytes((length,)) for length in range(_MOST_NAME + 1))
_NO_CONTENT: Final = bytes(_CONTENT_OCTETS)
_BEYOND: Final = 8192  #: octets received at once of what no longer fits in a slot
_MACHINE_RUN: Final = Path("/proc/sys/kernel/random/boot_id")


class Watcher(Protocol):
    """Who reads on when this process dies."""

    def hold(self, number: int, descriptor: int) -> bool:
        """Whether it does from now on, at this slot and this socket."""
        ...

    def let_go(self, number: int) -> None: ...

    def end(self) -> None: ...


class Left(NamedTuple):
    """What a dead process left in one slot."""

    name: bytes  #: of the dot
    octets: bytes  #: that came after it


class ReplySlot:
    """Of one connection at a time. Without memory of a file it is a buffer like any other."""

    __slots__ = ("_content", "_filled", "_memory", "_number", "_watched", "_watcher", "room")

    def __init__(self, memory: memoryview | None = None, number: int = 0, watcher: Watcher | None = None) -> None:
        self._memory = memoryview(bytearray(SLOT_OCTETS)) if memory is None else memory
        self._number = number
        self._watcher = watcher
        self._watched = False
        self._content = self._memory[HEAD_OCTETS:]
        self._filled = len(self._content)
        self.room = self._content  #: for what comes next: behind what there is; what does not fit is not kept

    @property
    def number(self) -> int:
        return self._number

    def begin(self) -> None:
        """For another connection: no dot is named until one of it is recorded."""
        self.ask(b"")

    def ask(self, name: bytes) -> None:
        """Right after a dot was recorded under ``name`` and before it leaves. Whatever stood here is in the journal.

        A dot without a name, or with one that is too long, is nobody's: its reply is received and not found.
        """
        memory, filled, length = self._memory, self._filled, len(name)
        filled = min(filled, _CONTENT_OCTETS)
        memory[0] = 0  # first: octets of another dot must not stand under a name
        if length > _MOST_NAME:
            name, length = b"", 0
        memory[1 : HEAD_OCTETS + filled] = _LENGTHS[length] + name.ljust(_MOST_NAME, b"\0") + _NO_CONTENT[:filled]
        self._filled, self.room = 0, self._content
        if length:
            memory[0] = 1  # last: a head that is written in part names nothing

    def took(self, count: int) -> bytes:
        """So many octets came into ``room``: they are those."""
        octets = self.room[:count].tobytes()
        filled = self._filled = self._filled + count
        self.room = self._content[filled:] if filled < _CONTENT_OCTETS else memoryview(bytearray(_BEYOND))
        if not octets[-1]:
            self._memory[0] = 0  # a zero at the end could not be told from none
        return octets

    def be_watched(self, descriptor: int) -> None:
        """By the witness, if there is one. Only while what comes over the socket is what a reply is made of."""
        self._watched = self._watcher is not None and self._watcher.hold(self._number, descriptor)

    def end(self) -> None:
        """Before the connection is closed: nobody else may keep it open."""
        if self._watched and self._watcher is not None:
            self._watched = False
            self._watcher.let_go(self._number)


class ReplySlots:
    """The file, locked until this process and its witness are gone. Raises OSError when there is no room for it."""

    def __init__(self, path: Path, count: int, start_witness: Callable[[int], Watcher]) -> None:
        """``start_witness`` is given the file's descriptor."""
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            size = (count + 1) * SLOT_OCTETS
            os.posix_fallocate(self._file, 0, size)  # a page that finds no room when it is written would kill us
            self._memory = memoryview(mmap.mmap(self._file, size))
            run = machine_run()
            self._memory[: len(run)] = run
        except OSError:
            path.unlink(missing_ok=True)
            os.close(self._file)
            raise
        self._witness = start_witness(self._file)
        self._free = list(range(count, 0, -1))

    def take(self) -> ReplySlot:
        """One that is nobody else's; of plain memory when there are more sessions than slots."""
        if not self._free:
            return ReplySlot()
        number = self._free.pop()
        page = self._memory[number * SLOT_OCTETS : (number + 1) * SLOT_OCTETS]
        return ReplySlot(page, number, self._witness)

    def give_back(self, slot: ReplySlot) -> None:
        """Its last connection is closed."""
        slot.begin()
        if slot.number:
            self._free.append(slot.number)

    def close(self) -> None:
        """All that was answered is in the journal: nothing is left, and nobody reads on."""
        self._witness.end()
        self._path.unlink(missing_ok=True)
        os.close(self._file)


def machine_run() -> bytes:
    """Another one after each start of the machine, where it says so."""
    with suppress(OSError):
        return _MACHINE_RUN.read_bytes().strip()
    return b""


def read_left(file: bytes, run: bytes) -> Iterator[Left]:
    """Of each slot that names a dot. ``run``: of the machine, now; where it does not say, nothing is believed."""
    if not run or file[:SLOT_OCTETS].rstrip(b"\0") != run:
        return
    for start in range(SLOT_OCTETS, len(file), SLOT_OCTETS):
        slot = file[start : start + SLOT_OCTETS]
        octets = slot[HEAD_OCTETS:].rstrip(b"\0")
        if slot[0] and b"\0" not in octets:
            yield Left(slot[2 : 2 + slot[1]], octets)
