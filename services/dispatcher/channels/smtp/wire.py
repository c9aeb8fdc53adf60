"""A message as it goes over the wire: its commands, and its content for DATA.

Pure; nothing given here can become another command.
"""

import re
from dataclasses import dataclass
from typing import Final

from services.dispatcher.channels.interface import Outcome, OutcomeKind, Outgoing, Stage

_ADDRESS: Final = re.compile(rb"[^\x00-\x20\x7f<>@]{1,64}@[^\x00-\x20\x7f<>@]{1,255}").fullmatch
_LINE_BREAK: Final = re.compile(rb"\r\n|\r|\n")


def envelope_fault(message: Outgoing, extensions: frozenset[str]) -> Outcome | None:
    """Why this message cannot be offered to a relay with these extensions; refused by us, before a command is sent."""
    if message.sender and not _ADDRESS(message.sender):
        return _refused("the sender's address cannot be written into an SMTP command", Stage.MAIL)
    if not _ADDRESS(message.recipient):
        return _refused("the recipient's address cannot be written into an SMTP command", Stage.RCPT)
    if needs_smtputf8(message) and "SMTPUTF8" not in extensions:
        return _refused("the relay takes ASCII addresses only (no SMTPUTF8)", Stage.RCPT)
    return None


def needs_smtputf8(message: Outgoing) -> bool:
    return not (message.recipient.isascii() and message.sender.isascii())


@dataclass(frozen=True, slots=True)
class ReportWish:
    """What a relay is asked to report by mail (RFC 3461): the parameters of MAIL and RCPT; nothing: it offers none."""

    mail: bytes = b""
    rcpt: bytes = b""
    names_envelope: bool = False


NO_REPORTS: Final = ReportWish()
FAILURES: Final = ReportWish(b" RET=HDRS", b" NOTIFY=FAILURE,DELAY")
SUCCESSES_TOO: Final = ReportWish(b" RET=HDRS", b" NOTIFY=SUCCESS,FAILURE,DELAY", names_envelope=True)

_LONGEST_ENVELOPE_ID: Final = 100


def report_wish(extensions: frozenset[str], successes: bool) -> ReportWish:
    """The same for all messages of a connection. Headers are enough: the address says which message it was."""
    if "DSN" not in extensions:
        return NO_REPORTS
    return SUCCESSES_TOO if successes else FAILURES


def mail_command(message: Outgoing, reports: ReportWish = NO_REPORTS) -> bytes:
    # RFC 6531 3.1: a relay with SMTPUTF8 has 8BITMIME too, and headers with such an address are 8-bit.
    parameters = b" SMTPUTF8 BODY=8BITMIME" if needs_smtputf8(message) else b""
    if reports.names_envelope:
        parameters += _envelope_id(message.sender)
    return b"MAIL FROM:<" + message.sender + b">" + parameters + reports.mail + b"\r\n"


def rcpt_command(message: Outgoing, reports: ReportWish = NO_REPORTS) -> bytes:
    return b"RCPT TO:<" + message.recipient + b">" + reports.rcpt + b"\r\n"


def _envelope_id(sender: bytes) -> bytes:
    """The local part, which stands for one message, as xtext (RFC 3461 4): a report names it also where its address is
    lost.
    """
    name = sender.partition(b"@")[0].replace(b"+", b"+2B").replace(b"=", b"+3D")
    return b" ENVID=" + name if name.isascii() and 0 < len(name) <= _LONGEST_ENVELOPE_ID else b""


def on_the_wire(content: bytes) -> bytes:
    """Content with strict CRLF lines and stuffed dots, up to its final dot line (RFC 5321 4.5.2).

    A bare CR or LF would let a lenient server see another end of the message than we do.
    """
    if content.count(b"\r\n") != len(content.splitlines()):
        content = _LINE_BREAK.sub(b"\r\n", content)
        content += b"" if content.endswith(b"\r\n") else b"\r\n"
    if content.startswith(b"."):
        content = b"." + content
    return content.replace(b"\r\n.", b"\r\n..") if b"\r\n." in content else content


def _refused(text: str, stage: Stage) -> Outcome:
    return Outcome(OutcomeKind.REFUSED, 0, text, stage)
