"""A task's row is what its events make it, and it begins and ends once, in its time. Pure."""

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from math import ceil
from typing import Final

from services.standalone.audit.findings import Check, Wrong
from services.standalone.audit.task_facts import TaskFacts

_ONCE: Final = ("task.created", "task.started", "task.audience_frozen")
_ENDS: Final = ("task.cancelled", "task.completed")
_AFTER_THE_END: Final = ("task.audience_frozen", "task.in_doubt_decided")

#: How long after a cancel a message may still be begun: a sender who cannot be told keeps his batch for its lease.
CANCEL_SECONDS: Final = 16.0

#: What was written may be read so much later by whoever counts it, while another message is read at once.
ARRIVAL_SECONDS: Final = 1.0


def row_is_replayed(facts: TaskFacts) -> Iterator[Wrong]:
    row, state = facts.row, facts.replayed
    told = (row.version, row.started, row.cancelled, row.completed, row.recipients, row.endtime is None)
    stages = (state.stage == "cancelled", state.stage == "completed")
    happened = (len(facts.events), state.started, *stages, state.recipients, state.endtime is None)
    if told != happened:
        said = "its row is not what its events make it" if facts.events else "it has a row and no events"
        yield Wrong(f"task {row.id}", 1, said)


def begins_and_ends_once(facts: TaskFacts) -> Iterator[Wrong]:
    subject = f"task {facts.row.id}"
    for name in _ONCE:
        if (times := facts.events.count(name)) > 1:
            yield Wrong(subject, times, f"{name} happened more than once")
    ends = [place for place, name in enumerate(facts.events) if name in _ENDS]
    if len(ends) > 1:
        yield Wrong(subject, len(ends), "it has ended more than once")
    if ends and (later := [name for name in facts.events[ends[0] + 1 :] if name not in (*_AFTER_THE_END, *_ENDS)]):
        yield Wrong(subject, len(later), f"{later[0]} happened after its end")


def sent_in_time(facts: TaskFacts) -> Iterator[Wrong]:
    """By the clock of the database alone, as it was begun."""
    first, wanted = facts.log.first_sent_at, facts.row.scheduledtime
    if first is not None and first < wanted:
        yield Wrong(f"task {facts.row.id}", 1, f"was sent {wanted - first:,.1f} s before its time")


def cancel_is_heeded(facts: TaskFacts) -> Iterator[Wrong]:
    ended = facts.replayed.endtime
    if facts.outside and facts.row.cancelled and ended is not None:
        begun = facts.outside.begun
        if late := len(begun) - bisect_right(begun, ended + CANCEL_SECONDS):
            yield Wrong(f"task {facts.row.id}", late, "were begun after it was cancelled")


def rate_is_kept(facts: TaskFacts) -> Iterator[Wrong]:
    if facts.outside and facts.row.rate and (excess := excess_of(facts.outside.begun, facts.row.rate)):
        yield Wrong(f"task {facts.row.id}", excess, f"more MAIL FROM than {facts.row.rate:,} an hour allow")


def hours_keep_the_rate(facts: TaskFacts) -> Iterator[Wrong]:
    """By the answers, where nobody has noted when messages were begun: an answer within the minute is in time."""
    if facts.row.rate and (excess := excess_of_minutes(facts.log.submitted_by_minute, facts.row.rate)):
        yield Wrong(f"task {facts.row.id}", excess, f"more answers in an hour than {facts.row.rate:,}")


def excess_of(begun: "array[float]", rate: int) -> int:
    """How many messages more than the contract lets go in any window: rate * (w + 1) / 3600 + 1 in w >= 1 s, and
    ``rate`` in an hour; each window with the time that messages take to arrive. ``begun``: unix seconds, in order.
    """
    each, longer = rate / 3600, rate / 3600 * ARRIVAL_SECONDS
    worst, lowest, second, hour = 0.0, float("inf"), 0, 0
    for place, at in enumerate(begun):
        while begun[second] <= at - 1.0:
            lowest = min(lowest, second - each * (begun[second] - begun[0]))
            second += 1
        while begun[hour] <= at - 3600.0:
            hour += 1
        long = place - each * (at - begun[0]) - lowest - each
        worst = max(worst, long - longer, place - second - 2 * each - longer, place + 1 - hour - rate - longer)
    return max(0, ceil(worst - 1e-3))


def excess_of_minutes(by_minute: Mapping[int, int], rate: int) -> int:
    """In any sixty whole minutes, of which the answers belong to messages of the sixty-one minutes up to their end."""
    allowed, worst = ceil(rate * 61 / 60) + 1, 0
    for first in by_minute:
        worst = max(worst, sum(by_minute.get(minute, 0) for minute in range(first, first + 60)) - allowed)
    return worst


LIFE_CHECKS: Final = (
    Check("rows follow events", "I1", "the row of a task is what its events make it", row_is_replayed),
    Check("one end", "I17", "a task starts once and ends once, and nothing comes after that", begins_and_ends_once),
    Check("not before its time", "I11", "nobody is sent to before the time of the task", sent_in_time),
    Check("cancel is heeded", "I9", "nothing is begun of a cancelled task", cancel_is_heeded),
    Check("rate in every window", "I10", "no window holds more messages than the rate allows", rate_is_kept),
    Check("rate in every hour", "I10", "no hour holds more answers than the rate allows", hours_keep_the_rate),
)
