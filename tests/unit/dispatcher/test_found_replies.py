"""Which reply of a dead process is believed, and how it comes into its journal."""

import asyncio
import errno
import os
from pathlib import Path

import pytest

from services.dispatcher.channels.smtp.reply_slots import Left, ReplySlots
from services.dispatcher.sending.found_replies import found_replies
from services.dispatcher.sending.journal import Journal, adopt_orphans, slots_of
from services.dispatcher.sending.journal_records import Hold, Mark, Record, encode, sound_octets
from services.dispatcher.sending.take_in_replies import take_in_replies
from tests.unit.dispatcher.slot_rig import DOT, NAME, Nobody, receive


class TestMatching:
    @pytest.mark.parametrize(
        ("reply", "mark", "note"),
        [
            (b"250 2.0.0 taken\r\n250 ok\r\n", Mark.ACCEPTED, "250 2.0.0 taken"),
            (b"250-2.0.0 taken\r\n250 as 7\r\n", Mark.ACCEPTED, "250 2.0.0 taken as 7"),
            (b"250 taken for ann@x.example\r\n", Mark.ACCEPTED, "250"),
            (b"451 4.3.0 later\r\n", Mark.DEFERRED, "451 4.3.0 later"),
            (b"550 5.7.1 no\r\n", Mark.NOT_TAKEN, "550 5.7.1 no"),
            (b"503 what\r\n", Mark.NOT_TAKEN, "503 what"),
        ],
    )
    def test_a_whole_reply_says_what_became_of_it(self, reply: bytes, mark: Mark, note: str) -> None:
        """Who was refused is asked once more: whether refusals are on trial is not known here. No address is kept."""
        [found] = found_replies(NAME, [Left(NAME, reply)])

        assert found == DOT._replace(mark=mark, code=int(reply[:3]), note=note)

    @pytest.mark.parametrize(
        "octets", [b"", b"250", b"250 taken", b"250-taken\r\n", b"421 bye\r\n", b"354 more\r\n", b"hello\r\n250 ok\r\n"]
    )
    def test_what_is_not_sure_stays_in_doubt(self, octets: bytes) -> None:
        assert found_replies(NAME, [Left(NAME, octets)]) == []

    @pytest.mark.parametrize(
        "more",
        [
            DOT._replace(mark=Mark.ACCEPTED),
            DOT._replace(mark=Mark.NOT_TAKEN),
            DOT._replace(mark=Mark.SETTLED, ordinal=0),
            DOT._replace(time_ms=1_001),
        ],
        ids=["answered", "not taken", "settled", "another dot"],
    )
    def test_only_a_dot_in_doubt_is_matched(self, more: Record) -> None:
        """Nor an older one of the same recipient."""
        assert found_replies(NAME + encode(more), [Left(NAME, b"250 taken\r\n")]) == []

    def test_a_name_that_is_not_in_the_journal_or_stands_twice_is_nobody_s(self) -> None:
        other = encode(DOT._replace(ordinal=6))

        assert found_replies(NAME, [Left(other, b"250 taken\r\n"), Left(NAME[:-1], b"250 taken\r\n")]) == []
        assert found_replies(NAME, [Left(NAME, b"250 taken\r\n"), Left(NAME, b"550 no\r\n")]) == []


class TestAdoption:
    async def test_what_the_slots_say_becomes_part_of_the_journal(self, tmp_path: Path) -> None:
        """Behind its last sound record, so that also later readers know it."""
        journal = Journal(tmp_path, 11)
        journal.replies = ReplySlots(slots_of(tmp_path / "11.journal"), 1, lambda file: Nobody())
        slot = journal.replies.take()
        slot.begin()
        slot.ask(journal.write(DOT))
        receive(slot, b"250 taken\r\n")
        os.write(journal._file, NAME[:20])  # cut short by the kill
        os.close(journal.replies._file)
        del journal.replies._memory
        os.close(journal._file)

        # The mapping has a descriptor of its own, which this process still has: as if a witness were at work.
        (orphan,) = adopt_orphans(tmp_path, 12)
        adopting = asyncio.create_task(take_in_replies(orphan))
        await asyncio.sleep(0.05)
        assert not adopting.done(), "it waits for the witness"
        slot._memory.release()
        del slot, journal
        adopted = await asyncio.wait_for(adopting, 10)

        findings = adopted.findings[Hold(7, 1, 1)]
        assert (set(findings.replies), list(findings.doubtful)) == ({5}, [])
        written = (tmp_path / "11.journal").read_bytes()
        assert written == sound_octets(written) == NAME + encode(findings.replies[5])
        assert (await take_in_replies(adopted)).findings == adopted.findings
        adopted.replayed()
        assert [path.name for path in tmp_path.iterdir()] == ["11.replayed"], "and no slots"

    async def test_where_the_disk_is_full_they_are_told_all_the_same(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A journal that cannot take them must not keep its adopter from starting."""
        journal = Journal(tmp_path, 11)
        slots = ReplySlots(slots_of(tmp_path / "11.journal"), 1, lambda file: Nobody())
        slot = slots.take()
        slot.begin()
        slot.ask(journal.write(DOT))
        receive(slot, b"250 taken\r\n")
        journal.close()

        def full(file: int, data: bytes) -> None:
            os.write(file, data[:7])
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("services.dispatcher.sending.journal._write_whole", full)
        monkeypatch.setattr("services.dispatcher.sending.take_in_replies.LONGEST_WAIT_SECONDS", 0.02)
        for owner in (12, 13):  # the first one's database is away
            (orphan,) = adopt_orphans(tmp_path, owner)
            adopted = await take_in_replies(orphan)
            assert set(adopted.findings[Hold(7, 1, 1)].replies) == {5}
            assert (tmp_path / "11.journal").read_bytes() == NAME
            adopted.leave()
        slots.close()

    async def test_a_witness_that_does_not_end_is_not_waited_for_for_ever(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What stands in the slots by then has to do."""
        monkeypatch.setattr("services.dispatcher.sending.take_in_replies.LONGEST_WAIT_SECONDS", 0.02)
        journal = Journal(tmp_path, 11)
        held = ReplySlots(slots_of(tmp_path / "11.journal"), 1, lambda file: Nobody())
        slot = held.take()
        slot.begin()
        slot.ask(journal.write(DOT))
        receive(slot, b"250 taken\r\n")
        journal.close()

        (orphan,) = adopt_orphans(tmp_path, 12)
        assert not (await take_in_replies(orphan)).findings[Hold(7, 1, 1)].doubtful
        orphan.leave()
