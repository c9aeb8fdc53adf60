"""Matches the dots of a dead process's journal with what stands in its reply slots. Pure.

A wrong match would lose somebody silently, so only this is one: a dot that is in doubt by the journal, in the very
words by which one slot names it, and a whole reply that is sure. Everybody else stays in doubt.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from services.dispatcher.channels.interface import OutcomeKind, Stage
from services.dispatcher.channels.smtp.replies import Reply, ReplyReader, outcome_of
from services.dispatcher.channels.smtp.reply_slots import Left
from services.dispatcher.sending.journal_records import MARKS, Mark, Record, decode, encode

_LEAVES: Final = 421  #: whether it took the message before it went nobody can say


def found_replies(journal: bytes, slots: Iterable[Left]) -> list[Record]:
    """What is to be written behind the records of the journal: of each dot that is answered in a slot its outcome."""
    left, doubtful = list(slots), _doubtful(journal)
    times_named = Counter(slot.name for slot in left)
    named = (slot for slot in left if slot.name in doubtful and times_named[slot.name] == 1)
    found = (_judge(doubtful[slot.name], slot.octets) for slot in named)
    return [record for record in found if record is not None]


def _doubtful(journal: bytes) -> dict[bytes, Record]:
    """By its octets, each dot whose outcome is not in the journal."""
    last: dict[tuple[int, int, int], dict[int, Record]] = {}
    for record in decode(journal):
        hold = record[1:4]
        if record.mark is Mark.DOT:
            last.setdefault(hold, {})[record.ordinal] = record
        elif record.mark is Mark.SETTLED:
            last.pop(hold, None)
        else:
            last.get(hold, {}).pop(record.ordinal, None)
    return {encode(dot): dot for dots in last.values() for dot in dots.values()}


def _judge(dot: Record, octets: bytes) -> Record | None:
    """As it would have been noted; at the time of its dot, since nobody saw when it came."""
    reply = _first(octets)
    if reply is None or reply.code == _LEAVES:
        return None
    outcome = outcome_of(Stage.DOT, reply)
    mark = MARKS.get(outcome.kind)
    if mark is None:
        return None
    if outcome.kind is OutcomeKind.REFUSED:
        # Whether refusals are on trial is not in the journal: it is sent once more, and refused again.
        mark = Mark.NOT_TAKEN
    # Without the recipient at hand an address might be overlooked.
    note = str(reply.code) if "@" in reply.text else outcome.note
    return dot._replace(mark=mark, code=reply.code, note=note)


def _first(octets: bytes) -> Reply | None:
    replies: list[Reply] = []
    ReplyReader().feed(octets, replies)
    return replies[0] if replies else None
