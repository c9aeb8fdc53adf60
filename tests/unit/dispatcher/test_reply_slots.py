"""What stands in a reply slot, and which of it is read."""

from pathlib import Path

import pytest

from services.dispatcher.channels.smtp.reply_slots import Left, ReplySlots, read_left
from services.dispatcher.channels.smtp.witness import SLOT_OCTETS
from services.dispatcher.sending.open_slots import open_slots
from shared.runtime.settings import read_settings
from tests.unit.dispatcher.slot_rig import NAME, Nobody, left_in, receive


@pytest.fixture
def slots(tmp_path: Path) -> ReplySlots:
    return ReplySlots(tmp_path / "11.replies", 2, lambda file: Nobody())


class TestSlots:
    def test_what_came_after_a_dot_stands_behind_its_name(self, slots: ReplySlots, tmp_path: Path) -> None:
        slot = slots.take()
        slot.begin()
        receive(slot, b"220 here\r\n")
        slot.ask(NAME)
        receive(slot, b"250 ta")
        receive(slot, b"ken\r\n250 ok\r\n")

        assert left_in(tmp_path / "11.replies") == [Left(NAME, b"250 taken\r\n250 ok\r\n")]

    def test_another_connection_has_no_dot_yet(self, slots: ReplySlots, tmp_path: Path) -> None:
        slot = slots.take()
        slot.begin()
        slot.ask(NAME)
        slot.begin()
        receive(slot, b"220 here\r\n")

        assert left_in(tmp_path / "11.replies") == []

    def test_a_dot_without_a_name_is_not_found(self, slots: ReplySlots, tmp_path: Path) -> None:
        slot = slots.take()
        slot.begin()
        slot.ask(NAME)
        slot.ask(b"")
        receive(slot, b"250 taken\r\n")
        slot.ask(b"x" * SLOT_OCTETS)

        assert left_in(tmp_path / "11.replies") == []

    def test_what_does_not_fit_is_received_all_the_same(self, slots: ReplySlots, tmp_path: Path) -> None:
        """And what stands there is still the beginning."""
        slot, line = slots.take(), b"250-" + b"x" * 900 + b"\r\n"
        slot.begin()
        slot.ask(NAME)
        came = b""
        while len(came) < 2 * SLOT_OCTETS:
            came += receive(slot, (line * 9)[: len(slot.room)])

        assert left_in(tmp_path / "11.replies") == [Left(NAME, came[: SLOT_OCTETS - 64])]

    @pytest.mark.parametrize(
        "octets", [b"\0", b"2\x0050 taken\r\n", b"250 taken\r\n\0"], ids=["alone", "within", "end"]
    )
    def test_zeros_are_no_reply(self, slots: ReplySlots, tmp_path: Path, octets: bytes) -> None:
        """They could not be told from what was never written."""
        slot = slots.take()
        slot.begin()
        slot.ask(NAME)
        receive(slot, octets)
        receive(slot, b"250 taken\r\n")

        assert left_in(tmp_path / "11.replies") == []

    def test_another_run_of_the_machine_is_not_believed(self, slots: ReplySlots, tmp_path: Path) -> None:
        """It may have written one page to the disk and not the other."""
        slot = slots.take()
        slot.begin()
        slot.ask(NAME)

        assert list(read_left((tmp_path / "11.replies").read_bytes(), b"another")) == []
        assert left_in(tmp_path / "11.replies") == [Left(NAME, b"")]

    def test_nor_is_one_that_has_no_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A system that does not tell them apart."""
        monkeypatch.setattr("services.dispatcher.channels.smtp.reply_slots.machine_run", lambda: b"")
        slot = ReplySlots(tmp_path / "12.replies", 1, lambda file: Nobody()).take()
        slot.begin()
        slot.ask(NAME)
        receive(slot, b"250 taken\r\n")

        assert list(read_left((tmp_path / "12.replies").read_bytes(), b"")) == []

    def test_a_slot_is_nobody_else_s_until_it_is_given_back(self, slots: ReplySlots) -> None:
        taken = [slots.take() for _ in range(3)]
        assert sorted(slot.number for slot in taken) == [0, 1, 2], "the third has memory of its own"

        for slot in taken:
            slots.give_back(slot)
        assert {slots.take().number, slots.take().number} == {1, 2}

    def test_closed_it_leaves_nothing(self, slots: ReplySlots, tmp_path: Path) -> None:
        slots.close()

        assert list(tmp_path.iterdir()) == []

    def test_no_room_for_it_is_told_and_leaves_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match=r".+"):
            ReplySlots(tmp_path / "11.replies", 1 << 50, lambda file: Nobody())

        assert list(tmp_path.iterdir()) == []


class TestOpening:
    """By the settings of a dispatcher."""

    def test_without_a_relay_or_room_it_sends_as_before(self, tmp_path: Path) -> None:
        """A folder that is not there gives none."""
        relay = {"POSTROOM_SMTP_URL": "smtp://127.0.0.1:25", "POSTROOM_JOURNAL_DIR": str(tmp_path / "gone")}

        assert open_slots(read_settings({"POSTROOM_JOURNAL_DIR": str(tmp_path)}, frozenset()), 11) is None
        assert open_slots(read_settings(relay, frozenset()), 11) is None
        assert list(tmp_path.iterdir()) == []

    def test_there_is_one_for_each_connection(self, tmp_path: Path) -> None:
        asked = {"SMTP_URL": "smtp://127.0.0.1:25", "JOURNAL_DIR": str(tmp_path), "SMTP_CONNECTIONS": "2"}
        slots = open_slots(read_settings({f"POSTROOM_{name}": text for name, text in asked.items()}, frozenset()), 11)

        assert slots is not None
        assert [slots.take().number for _ in range(3)] == [1, 2, 0]
        slots.close()
