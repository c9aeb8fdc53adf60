"""A connection with crash points between the octets of a message. Only armed processes have it."""

from services.dispatcher.channels.smtp.connection import Connection, Timers
from services.dispatcher.channels.smtp.reply_slots import ReplySlot
from shared.runtime import crash_points


def new_connection(timers: Timers, slot: ReplySlot | None = None) -> Connection:
    return CrashConnection(timers, slot) if crash_points.are_armed() else Connection(timers, slot)


class CrashConnection(Connection):
    def __init__(self, timers: Timers, slot: ReplySlot | None = None) -> None:
        super().__init__(timers, slot)
        self._used = False
        self._content_due = False

    def _read(self, data: bytes) -> None:
        if b"354" in data:
            self._content_due = True
            crash_points.reached("smtp.recipient_taken")
        super()._read(data)

    def write(self, octets: bytes) -> None:
        if octets.startswith(b"MAIL") and not self._used:
            self._used = True
            crash_points.reached("smtp.connected")
        if not self._content_due or octets.startswith((b"RSET", b".\r\nRSET")):
            super().write(octets)
            return
        content = octets.partition(b"\r\n.\r\n")[0]
        super().write(octets[: len(content) // 2])
        crash_points.reached("smtp.content_half_out")
        super().write(octets[len(content) // 2 :])
        if content != octets or octets.startswith(b".\r\n"):
            self._content_due = False
            crash_points.reached("smtp.dot_out")
