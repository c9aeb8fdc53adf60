"""What a mail that came back is: complaint, report, answer of a program, bounce of an odd mailer, or nothing. Pure.

In this order, since each look trusts less in what it sees than the one before.
"""

from collections.abc import Callable, Sequence
from typing import Final

from services.tracker.decisions.returned_mail.judgement import Judgement
from services.tracker.decisions.returned_mail.parse_mail import Mail, parse_mail
from services.tracker.decisions.returned_mail.read_arf import read_arf
from services.tracker.decisions.returned_mail.read_auto_reply import read_auto_reply
from services.tracker.decisions.returned_mail.read_dsn import read_dsn
from services.tracker.decisions.returned_mail.read_odd_bounce import read_odd_bounce

Look = Callable[[Mail], Judgement | None]

_LOOKS: Final[tuple[Look, ...]] = (read_arf, read_dsn, read_auto_reply, read_odd_bounce)


def judge_mail(content: bytes, looks: Sequence[Look] = _LOOKS) -> Judgement:
    """Never raises, whatever comes in, and is done with anything in a second or two. ``looks``: the first to know."""
    try:
        mail = parse_mail(content)
    except Exception:  # noqa: BLE001 - the parser has no list of what it raises
        return Judgement("unreadable")
    readable = True
    for look in looks:
        try:
            found = look(mail)
        except Exception:  # noqa: BLE001 - as above; the other looks may still see something
            readable = False
            continue
        if found is not None:
            return found
    return Judgement("unknown" if readable else "unreadable")
