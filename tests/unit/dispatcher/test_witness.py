"""The witness: what it holds, how long it reads on, and what becomes of connections without it."""

import os
import resource
import signal
import socket
from array import array
from pathlib import Path

import pytest

from services.dispatcher.channels.smtp.reply_slots import Left, ReplySlot, ReplySlots, read_left
from services.dispatcher.channels.smtp.witness import SLOT_OCTETS, hold_until_end, read_on, write_from
from services.dispatcher.channels.smtp.witness_process import WitnessProcess
from shared.runtime import clock
from tests.unit.dispatcher.slot_rig import NAME, Nobody, left_in, receive


@pytest.fixture
def slots(tmp_path: Path) -> ReplySlots:
    return ReplySlots(tmp_path / "11.replies", 2, lambda file: Nobody())


def wait_until_it_listens(pid: int) -> None:
    """Once it ignores what is meant for its dispatcher: it has started."""
    until, status = clock.monotonic() + 30, Path(f"/proc/{pid}/status")
    while not int(status.read_text().partition("SigIgn:")[2].split()[0], 16) >> signal.SIGTERM - 1 & 1:
        assert clock.monotonic() < until


class TestWitness:
    @pytest.mark.parametrize(
        ("octets", "place"),
        [
            (b"", 0),
            (b"25", 2),
            (b"250-a\r\n", 7),
            (b"250 a\r\n", None),
            (b"2\0005", None),
            (b"2" * 99, 99),
            (b"2" * 100, None),
        ],
    )
    def test_it_reads_on_behind_what_there_is(self, octets: bytes, place: int | None) -> None:
        """Until a reply is whole, or nothing more fits."""
        assert write_from(octets.ljust(100, b"\0")) == place

    def test_it_knows_what_is_held_when_the_other_end_is_gone(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs, socket.socket() as one, socket.socket() as two:
            for number, descriptor in ((1, one.fileno()), (2, two.fileno()), (3, one.fileno())):
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [descriptor]))]
                ours.sendmsg([number.to_bytes(4, "little")], rights)
            ours.sendmsg([(2).to_bytes(4, "little")])
            ours.close()
            held = hold_until_end(theirs)

        assert set(held) == {1, 3}
        for descriptor in held.values():
            os.close(descriptor)

    def test_it_ends_with_the_reply_and_with_the_connection(self) -> None:
        """The first slot waits for the rest of a reply, the second for one that does not come, the third for none."""
        memory = memoryview(bytearray(4 * SLOT_OCTETS))
        memory[:3] = b"run"
        pairs = [socket.socketpair() for _ in range(3)]
        for number in (1, 2):
            slot = ReplySlot(memory[number * SLOT_OCTETS : (number + 1) * SLOT_OCTETS], number)
            slot.begin()
            slot.ask(NAME)
            receive(slot, b"250-ta")
        pairs[0][0].sendall(b"ken\r\n250 ")
        pairs[0][0].sendall(b"as 7\r\n")
        pairs[1][0].close()
        read_on(memory, {number: pair[1].fileno() for number, pair in enumerate(pairs, 1)})

        assert list(read_left(bytes(memory), b"run")) == [
            Left(NAME, b"250-taken\r\n250 as 7\r\n"),
            Left(NAME, b"250-ta"),
        ]
        for pair in pairs:
            pair[0].close()
            pair[1].close()


class TestWitnessProcess:
    def test_it_reads_on_and_ends_with_whoever_started_it(self, slots: ReplySlots, tmp_path: Path) -> None:
        """As when that is killed: its end of the line closes."""
        file = os.open(tmp_path / "11.replies", os.O_RDWR)
        witness = WitnessProcess(file, clock.monotonic)
        slot = slots.take()
        slot.begin()
        ours, relay = socket.socketpair()
        assert witness.hold(slot.number, ours.fileno())
        slot.ask(NAME)
        ours.close()
        process, control = witness._process, witness._control
        assert process is not None
        assert control is not None
        wait_until_it_listens(process.pid)
        process.terminate()  # as a terminal or a cluster says it to all of a group
        relay.sendall(b"250 taken\r\n")
        control.close()

        assert process.wait(30) == 0
        assert left_in(tmp_path / "11.replies") == [Left(NAME, b"250 taken\r\n")]
        relay.close()
        os.close(file)

    def test_what_is_let_go_is_closed(self, slots: ReplySlots, tmp_path: Path) -> None:
        """The relay hears the end of a connection while the witness goes on."""
        witness = WitnessProcess(slots._file, clock.monotonic)
        ours, relay = socket.socketpair()
        assert witness.hold(1, ours.fileno())
        ours.close()
        witness.let_go(1)
        relay.settimeout(30)

        assert relay.recv(1) == b""
        witness.end()
        relay.close()

    def test_where_it_died_another_is_started_after_a_while(self, slots: ReplySlots) -> None:
        """Until then connections go without, and nothing is closed late."""
        now = 0.0
        witness = WitnessProcess(slots._file, lambda: now)
        ours, relay = socket.socketpair()
        assert witness.hold(1, ours.fileno())
        process = witness._process
        assert process is not None
        process.kill()
        process.wait(30)

        witness.let_go(1)
        assert not witness.hold(2, ours.fileno())
        now = 61.0
        assert witness.hold(2, ours.fileno())
        witness.end()
        ours.close()
        relay.close()

    def test_where_it_cannot_be_started_connections_go_without(
        self, slots: ReplySlots, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.executable", "/nowhere/python")
        witness = WitnessProcess(slots._file, clock.monotonic)
        ours, relay = socket.socketpair()

        assert not witness.hold(1, ours.fileno())
        witness.let_go(1)
        witness.end()
        ours.close()
        relay.close()

    def test_nor_do_they_fail_where_there_is_no_descriptor_left(self, slots: ReplySlots) -> None:
        """They have theirs already."""
        ours, relay = socket.socketpair()
        witness = WitnessProcess(slots._file, clock.monotonic)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            assert not witness.hold(1, ours.fileno())
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        witness.end()
        ours.close()
        relay.close()
