"""Places at which a fault test makes a process die, or stand still, as a power cut or a paused machine would.

A process that is not armed calls a function that does nothing; where even that would be one call for each message, the
place is built in when the process starts, or not at all. Arming takes two variables, so that no single slip does it:
``POSTROOM_FAULT_AT=smtp.dot_out:3`` (the third time that place is reached; with ``:stop`` behind it the process stops,
and goes on at SIGCONT) and ``POSTROOM_FAULT_TESTS=on``.
"""

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

WHERE: Final = "POSTROOM_FAULT_AT"
ALLOWED: Final = "POSTROOM_FAULT_TESTS"
VARIABLES: Final = frozenset({WHERE, ALLOWED})

#: Each place and what is true there.
POINTS: Final[Mapping[str, str]] = {
    "events.appending": "events and rows are written, their transaction is not committed",
    "events.appended": "events are committed, whoever asked for it does not know",
    "segments.appending": "outcomes or hits are written, their transaction is not committed",
    "segments.appended": "outcomes or hits are committed, whoever brought them does not know",
    "api.answering": "a change is made, nothing of its answer is sent",
    "api.answered": "an answer is sent",
    "relay.published": "the bus has confirmed events, the relay's checkpoint is where it was",
    "relay.advanced": "the relay's checkpoint has moved",
    "deliveries.published": "the bus has confirmed what became of recipients, the checkpoints are where they were",
    "deliveries.advanced": "the checkpoints of what became of recipients have moved",
    "campaign.planned": "the tasks of a due campaign have numbers, its start is not written",
    "planner.started": "a task is started, its audience is not begun",
    "planner.freezing": "a chunk of an audience is written, its transaction is not committed",
    "planner.frozen": "the audience is whole, its batches are not cut",
    "planner.cut": "the batches of a task are there, nobody was told",
    "sender.claimed": "batches are claimed, nothing of them is begun",
    "sender.charging": "a batch is charged, the transaction is not committed",
    "sender.dot_due": "the relay waits for a message's content, the journal does not know",
    "sender.dot_journalled": "the journal says that the final dot leaves, it has not left",
    "sender.reply_read": "the reply to the final dot is read, the journal does not know",
    "sender.reply_journalled": "the journal has the reply, the database does not",
    "sender.sent": "all of a batch is sent, the batch is not concluded",
    "sender.concluded": "a batch is concluded, the journal does not know",
    "smtp.connected": "the relay has answered EHLO, nothing of a message is said",
    "smtp.recipient_taken": "the relay has taken sender and recipient, and this process does not know",
    "smtp.content_half_out": "half of a message's content is out",
    "smtp.dot_out": "the final dot is out, no reply has come",
    "journal.replaying": "what a dead process did is written, the transaction is not committed",
    "journal.replayed": "what a dead process did is committed, its journal does not say so",
    "notice.begun": "a notice stands as begun, nothing of it is sent",
    "notice.answered": "the relay has answered to a notice, its row does not say so",
    "job.claimed": "a job is claimed, nothing of it is done",
    "job.in_chunk": "the rows of a chunk are changed, the transaction is not committed",
    "job.ending": "a job's work is done, its end is not written",
    "postback.answered": "a postback is answered, its row does not say so",
    "projector.counted": "sets and series have grown, the transaction is not committed",
    "projector.committed": "what was counted is committed, tasks that are through are not completed",
    "engagement.counted": "deeds of people are added, the transaction is not committed",
    "segments.merging": "many small segments are one, the transaction is not committed",
    "segments.merged": "many small segments are one, how far the log was looked through is as it was",
    "callback.cut": "callbacks are cut out of the log, the transaction is not committed",
    "callback.due": "a callback is about to be made",
    "callback.answered": "a callback is answered, its row does not say so",
    "callback.settled": "an answered callback is recorded, the next one is not begun",
    "migration.applying": "the statements of a migration are carried out, no row says so and nothing is committed",
    "migration.noted": "a migration and its row are written, their transaction is not committed",
    "migration.applied": "a migration is committed, the next one is not begun",
    "migration.granting": "all migrations are committed, who may do what is written, not committed",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """``number``: the how-manieth time the place is reached, from 1."""

    point: str
    number: int
    signal: signal.Signals


def read_plan(environment: Mapping[str, str]) -> Plan | None:
    """None: nothing is asked for. Raises ValueError for what cannot be read, or is not allowed."""
    text = environment.get(WHERE, "")
    if not text:
        return None
    if environment.get(ALLOWED) != "on":
        raise ValueError(f"{WHERE} kills this process: it is for fault tests, and counts with {ALLOWED}=on only")
    point, _, rest = text.partition(":")
    number, _, act = rest.partition(":")
    if point not in POINTS:
        raise ValueError(f"{WHERE}: there is no place {point!r}")
    if not number.isascii() or not number.isdigit() or number.strip("0") == "" or act not in ("", "stop"):
        raise ValueError(f"{WHERE} must be written as place:number or place:number:stop, not {text!r}")
    return Plan(point, int(number), signal.SIGSTOP if act else signal.SIGKILL)


def _pass(point: str) -> None:
    """Of a process that is not armed."""


class _Armed:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._times = 0

    def __call__(self, point: str) -> None:
        if point == self._plan.point:
            self._times += 1
            if self._times == self._plan.number:
                os.kill(os.getpid(), self._plan.signal)


reached: Callable[[str], None] = _pass  #: called at each place, with its name


def arm(environment: Mapping[str, str]) -> None:
    """Before anything is put together. Raises ValueError as ``read_plan``."""
    global reached  # noqa: PLW0603 - one process has one way to die, and every place must see it
    plan = read_plan(environment)
    reached = _pass if plan is None else _Armed(plan)


def are_armed() -> bool:
    """Whether places that cost something for each message are to be built in."""
    return reached is not _pass
