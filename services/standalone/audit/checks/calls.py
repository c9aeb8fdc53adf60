"""Callbacks: each event is told, in order, and a repeat is the same call. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from pyroaring import BitMap

from services.standalone.audit.counted_outside import Received
from services.standalone.audit.findings import Check, Wrong, recipients
from services.standalone.audit.task_facts import TaskFacts
from services.tracker.decisions.callbacks.gather_windows import EVENTS
from shared.domain.delivery import Kind

FIRST_ATTEMPT_SECONDS: Final = 300.0


def everybody_is_told(facts: TaskFacts) -> Iterator[Wrong]:
    """Of what has been cut; what is in no window yet waits for the end of its own."""
    if facts.called_back and facts.called_back.always:
        told = _told(facts)
        for kind in EVENTS[facts.row.channel]:
            untold = facts.called_back.cut.get(kind, BitMap()) - told[kind]
            yield from recipients(facts.row.id, untold, f"are {kind.name.lower()} and in no callback")


def nobody_else_is_told(facts: TaskFacts) -> Iterator[Wrong]:
    if facts.called_back:
        for kind, told in _told(facts).items():
            invented = told - facts.log.of(kind)
            yield from recipients(facts.row.id, invented, f"are told to be {kind.name.lower()} and are not")


def told_once_a_window(facts: TaskFacts) -> Iterator[Wrong]:
    if not facts.called_back:
        return
    known: defaultdict[tuple[float, Kind], BitMap] = defaultdict(BitMap)
    twice = BitMap()
    for window in facts.called_back.windows:
        twice |= known[window.opened_at, window.kind] & window.ordinals
        known[window.opened_at, window.kind] |= window.ordinals
    yield from recipients(facts.row.id, twice, "are named twice in one window")
    if wrong := [window for window in facts.called_back.windows if window.people != len(window.ordinals)]:
        yield Wrong(f"task {facts.row.id}", len(wrong), "callbacks say another number of people than they name")


def told_in_order(facts: TaskFacts) -> Iterator[Wrong]:
    """Of one task: calls are numbered as things happened, and made as they are numbered."""
    if not facts.called_back:
        return
    windows = facts.called_back.windows
    places = [(window.opened_at, window.kind) for window in windows]
    if inverted := sum(before > after for before, after in pairwise(places)):
        yield Wrong(f"task {facts.row.id}", inverted, "callbacks are numbered before what happened earlier")
    waiting = [window.state == "waiting" for window in windows]
    if True in waiting and (early := waiting[waiting.index(True) :].count(False)):
        yield Wrong(f"task {facts.row.id}", early, "callbacks were settled while an earlier one waits")


def first_tried_in_time(facts: TaskFacts) -> Iterator[Wrong]:
    """Unless an earlier one of the campaign fails, or nobody wants to be called any more."""
    if facts.called_back and facts.called_back.line_open:
        since = facts.called_back.now - FIRST_ATTEMPT_SECONDS
        late = [
            window
            for window in facts.called_back.windows
            if window.state == "waiting" and not window.attempts and window.first_at < since
        ]
        if late:
            yield Wrong(f"task {facts.row.id}", len(late), "callbacks have waited more than 300 s for a first attempt")


def _told(facts: TaskFacts) -> Mapping[Kind, BitMap]:
    told: defaultdict[Kind, BitMap] = defaultdict(BitMap)
    for window in facts.called_back.windows if facts.called_back else ():
        told[window.kind] |= window.ordinals
    return told


CALL_CHECKS: Final = (
    Check("everybody told", "I18", "each event of a campaign is in a callback", everybody_is_told),
    Check("nobody else told", "I18", "a callback names only whom it happened to", nobody_else_is_told),
    Check("told once a window", "I19", "a window names everybody once", told_once_a_window),
    Check("told in order", "I19", "callbacks are numbered and made in order", told_in_order),
    Check("first try in time", "I18", "a callback is first tried within 300 s", first_tried_in_time),
)


@dataclass(frozen=True, slots=True)
class CallFacts:
    """``windows``: by (campaign, number), the task and the state of each callback there is."""

    received: Received
    windows: Mapping[tuple[int, int], tuple[int, str]]


def repeats_are_the_same(facts: CallFacts) -> Iterator[Wrong]:
    digests: defaultdict[tuple[int, int], set[bytes]] = defaultdict(set)
    for call in facts.received.calls:
        digests[call.campaign_id, call.number].add(call.digest)
    for (campaign, number), bodies in digests.items():
        if len(bodies) > 1:
            yield Wrong(f"campaign {campaign}", len(bodies), f"different bodies of callback {number}")


def calls_are_ours(facts: CallFacts) -> Iterator[Wrong]:
    strange = [call for call in facts.received.calls if (call.campaign_id, call.number) not in facts.windows]
    if count := len(strange) + facts.received.strange:
        yield Wrong("callbacks", count, "calls were received that are no callback of ours")


def delivered_were_received(facts: CallFacts) -> Iterator[Wrong]:
    came = {(call.campaign_id, call.number) for call in facts.received.calls}
    lost: defaultdict[int, int] = defaultdict(int)
    for (campaign, number), (_, state) in facts.windows.items():
        lost[campaign] += state == "delivered" and (campaign, number) not in came
    for campaign, count in lost.items():
        if count:
            yield Wrong(f"campaign {campaign}", count, "callbacks count as delivered that nobody has received")


def received_in_order(facts: CallFacts) -> Iterator[Wrong]:
    """Of one task: none comes once a later one has come."""
    last: dict[int, int] = {}
    inverted: defaultdict[int, int] = defaultdict(int)
    for call in facts.received.calls:
        task, _ = facts.windows.get((call.campaign_id, call.number), (0, ""))
        inverted[task] += call.number < last.get(task, 0)
        last[task] = max(call.number, last.get(task, 0))
    for task, count in inverted.items():
        if count and task:
            yield Wrong(f"task {task}", count, "callbacks were received after a later one")


RECEIVED_CHECKS: Final = (
    Check(
        "repeats are the same", "I20", "a repeated callback has the same id and the same bytes", repeats_are_the_same
    ),
    Check("calls of ours", "I20", "every call received is a callback there is", calls_are_ours),
    Check("delivered were received", "I18", "whatever counts as delivered was received", delivered_were_received),
    Check("received in order", "I19", "callbacks of a task come in order", received_in_order),
)
