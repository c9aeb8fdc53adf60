"""The witness: a small process that reads on where its dispatcher was killed.

It holds duplicates of the dispatcher's sockets to the relay and looks at none of them while the dispatcher lives. When
that is gone it reads each into its slot until the reply that was waited for stands there, and ends. Started as a script
without site or path, so it imports nothing of ours and little else; how a slot is laid out is told by ``reply_slots``.
"""

import _signal as signal  # type: ignore[import-not-found]  # the names in `signal` cost a megabyte
import mmap
import os
import select
import sys
from _socket import CMSG_SPACE, socket

LONGEST_SECONDS = 2  #: after the dispatcher's end; what is not answered by then stays in doubt
SLOT_OCTETS = 4096
HEAD_OCTETS = 64  #: of them; the first is 0 where no reply is waited for

_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # they are for the dispatcher, which ends in its own time
_MESSAGE = 4  #: octets: the number of a slot; with a descriptor it is to be held, without it is let go
_DESCRIPTOR = 4


def is_whole(octets: bytes) -> bool:
    """Whether a reply ends in them: a line whose code is followed by no hyphen."""
    return any(line[3:4] != b"-" for line in octets.split(b"\n")[:-1])


def write_from(octets: bytes) -> int | None:
    """Where what comes next belongs in the octets of a slot; None where nothing more is to be read into it."""
    known = octets.rstrip(b"\0")
    done = b"\0" in known or len(known) == len(octets) or is_whole(known)
    return None if done else len(known)


def hold_until_end(control: socket) -> dict[int, int]:
    """Slot -> descriptor of its connection, at the moment at which the dispatcher is gone."""
    held: dict[int, int] = {}
    while True:
        message, ancillary, _, _ = control.recvmsg(_MESSAGE, CMSG_SPACE(_DESCRIPTOR))
        if not message:
            return held
        number = int.from_bytes(message, "little")
        if number in held:
            os.close(held.pop(number))
        for _, _, data in ancillary:
            held[number] = int.from_bytes(data[:_DESCRIPTOR], sys.byteorder)


def read_on(memory: memoryview, held: dict[int, int]) -> None:
    """Until each connection has answered or ended."""
    poll = select.poll()
    slots = {descriptor: number for number, descriptor in held.items() if _waits(memory, number)}
    for descriptor in slots:
        poll.register(descriptor, select.POLLIN)
    while slots:
        for descriptor, _ in poll.poll():
            if not _read(memory, slots[descriptor], descriptor):
                poll.unregister(descriptor)
                del slots[descriptor]


def _waits(memory: memoryview, number: int) -> bool:
    slot = memory[number * SLOT_OCTETS : (number + 1) * SLOT_OCTETS]
    return slot[0] != 0 and write_from(bytes(slot[HEAD_OCTETS:])) is not None


def _read(memory: memoryview, number: int, descriptor: int) -> bool:
    """Whether there is more to come."""
    octets = memory[number * SLOT_OCTETS + HEAD_OCTETS : (number + 1) * SLOT_OCTETS]
    place = write_from(bytes(octets))
    if place is None:
        return False
    try:
        count = os.readv(descriptor, [octets[place:]])
    except BlockingIOError:
        return True
    except OSError:
        return False
    if count and octets[place + count - 1] == 0:
        memory[number * SLOT_OCTETS] = 0  # a zero at the end could not be told from none
        return False
    return count > 0 and write_from(bytes(octets)) is not None


def main(control: int, file: int) -> None:
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    held = hold_until_end(socket(fileno=control))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(LONGEST_SECONDS)
    read_on(memoryview(mmap.mmap(file, 0)), held)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
