"""Slots without a witness, and octets that come into them."""

from pathlib import Path

from services.dispatcher.channels.smtp.reply_slots import Left, ReplySlot, machine_run, read_left
from services.dispatcher.sending.journal_records import Mark, Record, encode

DOT = Record(Mark.DOT, 7, 1, 1, 5, 1_000)
NAME = encode(DOT)


class Nobody:
    """No witness."""

    def hold(self, number: int, descriptor: int) -> bool:
        return False

    def let_go(self, number: int) -> None:
        """Nothing was held."""

    def end(self) -> None:
        """Nor begun."""


def receive(slot: ReplySlot, octets: bytes) -> bytes:
    slot.room[: len(octets)] = octets
    return slot.took(len(octets))


def left_in(path: Path) -> list[Left]:
    return list(read_left(path.read_bytes(), machine_run()))
