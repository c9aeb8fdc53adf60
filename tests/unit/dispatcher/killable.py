"""Sessions over lines that a test holds in its hand, and a kill at every moment of them.

A kill is a look at what would be left: the journal as it was written, the slots as they are, and what the relay has
said, or says soon, that nobody has read. The relay obeys the protocol and says what it likes.
"""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from services.dispatcher.channels.interface import Outcome, Outgoing
from services.dispatcher.channels.smtp.connection import Connection, ConnectionGone, Timers
from services.dispatcher.channels.smtp.pipeline import Transfer
from services.dispatcher.channels.smtp.reply_slots import ReplySlot, read_left
from services.dispatcher.channels.smtp.witness import HEAD_OCTETS, SLOT_OCTETS, write_from
from services.dispatcher.sending.found_replies import found_replies
from services.dispatcher.sending.journal import Journal
from services.dispatcher.sending.journal_records import MARKS, Mark, Record, decode

RUN: Final = b"this run"
SAYS: Final = {
    "hello": [b"220 here\r\n", b"220-here\r\n220 we are\r\n"],
    "mail": [b"250 ok\r\n"] * 6 + [b"250-ok\r\n250 go\r\n", b"451 later\r\n", b"421 bye\r\n", b"503 what\r\n"],
    "rcpt": [b"250 ok\r\n"] * 6 + [b"550 5.1.1 nobody\r\n", b"450 busy\r\n", b"550-no\r\n550 body\r\n"],
    "data": [b"354 go on\r\n"] * 8 + [b"451 later\r\n", b"421 bye\r\n"],
    "dot": [b"250 taken\r\n"] * 5
    + [b"250-taken\r\n250 as 7\r\n", b"451 later\r\n", b"550 5.7.1 spam\r\n", b"421 bye\r\n", b"354 more\r\n", b""],
    "other": [b"250 ok\r\n"],
}
TRUE_MARK: Final = {b"2": Mark.ACCEPTED, b"4": Mark.DEFERRED, b"5": Mark.NOT_TAKEN}


class Line:
    """One connection, both ends: what asyncio would be to ours, and the relay."""

    def __init__(self, world: "Killable", slot: ReplySlot) -> None:
        self.world, self.slot = world, slot
        self.unread = bytearray(self._say("hello"))
        self.is_open = True
        self.is_witnessed = False
        self._heard = bytearray()
        self._in_content = self._has_recipient = False

    def start(self) -> Connection:
        self.connection = Connection(Timers(), self.slot)
        self.connection.connection_made(cast(asyncio.Transport, self))
        return self.connection

    def read(self, count: int) -> None:
        """As the loop does when so many octets have come."""
        room = self.connection.get_buffer(-1)
        octets = bytes(self.unread[: min(count, len(room))])
        room[: len(octets)] = octets
        del self.unread[: len(octets)]
        self.world.killed()
        self.connection.buffer_updated(len(octets))
        self.world.killed()

    # What our end calls.

    def write(self, octets: bytes) -> None:
        self._heard += octets
        while self.is_open and self._hear():
            pass
        self.world.killed()

    def abort(self) -> None:
        self.is_open = False
        self.unread.clear()

    close = abort

    def set_write_buffer_limits(self, high: int) -> None:
        """There is none."""

    def get_write_buffer_size(self) -> int:
        return 0

    # The relay.

    def _hear(self) -> bool:
        """Whether it understood another command, or a content."""
        end = b"\r\n.\r\n" if self._in_content and not self._heard.startswith(b".\r\n") else b"\r\n"
        heard, found, _ = bytes(self._heard).partition(end)
        if not found:
            return False
        del self._heard[: len(heard) + len(end)]
        self._content(heard) if self._in_content else self._command(heard[:4].decode().lower())
        return True

    def _command(self, verb: str) -> None:
        reply = self._say(verb if verb in SAYS else "other")
        self._has_recipient = (self._has_recipient and verb != "mail") or (verb == "rcpt" and reply.startswith(b"2"))
        self._in_content = verb == "data" and reply.startswith(b"3")
        self.unread += reply

    def _content(self, content: bytes) -> None:
        self._in_content = False
        if content == b".":
            assert not self._has_recipient, "an empty message"
            self.unread += b"554 no valid recipients\r\n"
            return
        verdict = self._say("dot")
        self.world.verdicts[int(content)] = verdict
        self.unread += verdict
        if not verdict:  # it goes without a word
            self.is_open = False
            asyncio.get_running_loop().call_soon(self.connection.connection_lost, None)

    def _say(self, stage: str) -> bytes:
        return self.world.dice.choice(SAYS[stage])


class Spied:
    """The memory of a slot; every step of a change is a moment to be killed in."""

    def __init__(self, world: "Killable", memory: memoryview) -> None:
        self._world, self._memory = world, memory

    def __setitem__(self, place: slice, octets: bytes) -> None:
        self._world.killed()
        self._memory[place] = octets
        self._world.killed()

    def __getitem__(self, place: slice) -> memoryview:
        return self._memory[place]


@dataclass
class Killable:
    """``verdicts``: by ordinal, what the relay said to its dot. Also the hooks of all sessions, as a batch has them."""

    folder: Path
    dice: random.Random
    verdicts: dict[int, bytes] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    found: int = 0  #: how many replies a kill would have lost without their slot

    def __post_init__(self) -> None:
        self.journal = Journal(self.folder, 1)
        self.file = bytearray(RUN.ljust(SLOT_OCTETS, b"\0") + bytes(2 * SLOT_OCTETS))

    async def send(self, sessions: int, each: int) -> None:
        """All of it, however often lines are lost."""
        living = [asyncio.create_task(self._session(number, each)) for number in range(sessions)]
        for _ in range(20_000):
            if all(task.done() for task in living):
                break
            speaking = [line for line in self.lines if line.unread and line.is_open]
            if speaking:
                line = self.dice.choice(speaking)
                line.read(self.dice.randint(1, len(line.unread)))
            for _ in range(self.dice.randint(1, 3)):
                await asyncio.sleep(0)
        await asyncio.wait_for(asyncio.gather(*living), 10)

    async def _session(self, number: int, each: int) -> None:
        start = (number + 1) * SLOT_OCTETS
        memory = Spied(self, memoryview(self.file)[start : start + SLOT_OCTETS])
        slot = ReplySlot(cast(memoryview, memory), number + 1)
        source = iter([self._message(number * each + place) for place in range(each)])
        left: list[Outgoing] = []
        while (message := left.pop() if left else next(source, None)) is not None:
            line = Line(self, slot)
            self.lines = [*(line for line in self.lines if line.is_open), line]
            connection, supply = line.start(), _chained(message, source)
            try:
                await connection.read_reply(10, "greeting")
            except ConnectionGone:
                left.append(message)
                continue
            line.is_witnessed = True
            connection.extensions = frozenset(self.dice.choice([("PIPELINING",), ()]))
            way = {"timers": Timers(), "most": self.dice.randint(1, each), "stepwise": False}
            end = await Transfer(connection, supply, self, **way).run()  # type: ignore[arg-type]  # as they are named
            left += [end.unsent] if end.unsent is not None else []
            connection.quit()

    @staticmethod
    def _message(ordinal: int) -> Outgoing:
        return Outgoing(ordinal, b"a@b.example", b"c@d.example", b"%d\r\n" % ordinal, is_strict=True)

    def _record(self, mark: Mark, ordinal: int, code: int = 0, note: str = "") -> Record:
        return Record(mark, 7, 1, 1, ordinal, 1_000, code, note)

    def before_dot(self, ordinal: int) -> bytes:
        self.killed()
        octets = self.journal.write(self._record(Mark.DOT, ordinal))
        self.killed()
        return octets

    def may_begin_again(self) -> bool:
        return True

    def on_outcome(self, ordinal: int, outcome: Outcome) -> None:
        self.killed()
        if (mark := MARKS.get(outcome.kind)) is not None:
            self.journal.note(self._record(mark, ordinal, outcome.code, outcome.note))
        self.killed()

    def killed(self) -> None:
        """At this moment: what would be found is true, and whoever was taken is found or written down."""
        journal = (self.folder / "1.journal").read_bytes()
        replied = {record.ordinal for record in decode(journal) if record.mark is not Mark.DOT}
        dots = {record.ordinal for record in decode(journal) if record.mark is Mark.DOT}
        found: list[Record] = []
        for share in (0.0, 0.5, 1.0):
            found = found_replies(journal, read_left(self._witnessed(share), RUN))
            assert not replied & {record.ordinal for record in found}
            for record in found:
                assert record.mark is TRUE_MARK[self.verdicts[record.ordinal][:1]], (record, self.verdicts)
                assert not self.verdicts[record.ordinal].startswith(b"421")
        taken = {ordinal for ordinal, verdict in self.verdicts.items() if verdict.startswith(b"2")}
        known = replied | {record.ordinal for record in found}
        assert taken <= dots, "sent and not in the journal"
        assert taken <= known, f"doubled: {taken - known}"
        self.found += len(known - replied)

    def _witnessed(self, share: float) -> bytes:
        """The slots once the witness has read so much of what nobody else had."""
        file = bytearray(self.file)
        for line in self.lines:
            start = line.slot.number * SLOT_OCTETS + HEAD_OCTETS
            page = memoryview(file)[start : start + SLOT_OCTETS - HEAD_OCTETS]
            place = write_from(bytes(page))
            if place is not None and file[line.slot.number * SLOT_OCTETS] and line.is_open and line.is_witnessed:
                more = line.unread[: round(len(line.unread) * share)]
                page[place : place + len(more)] = more
        return bytes(file)


def _chained(first: Outgoing, more: Iterator[Outgoing]) -> Iterator[Outgoing]:
    yield first
    yield from more
