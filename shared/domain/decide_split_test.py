"""What follows from a command on a split test: its life is told in ``shared.domain.split_test``. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Final, assert_never

from shared.domain.choose_winner import break_tie, find_leaders, share_sizes
from shared.domain.decide_task import target_faults
from shared.domain.identifiers import Instant, MessageId
from shared.domain.refusal import Fault, Refused
from shared.domain.split_test import (
    ChangeSplitTest,
    Command,
    CompleteSplitTest,
    CreateSplitTest,
    DrawSample,
    Event,
    MeasureSplitTest,
    SplitTest,
    SplitTestCancelled,
    SplitTestChanged,
    SplitTestCompleted,
    SplitTestCreated,
    SplitTestDrawn,
    SplitTestMeasured,
    SplitTestStarted,
    StartSplitTest,
    WinnerChosen,
)
from shared.domain.split_test_terms import FEWEST, MOST, KnownMessage, Terms

LONGEST_DELAY: Final = 8_760.0  #: hours

#: What may still change of one that has started, while its winner is not known.
_CHANGE_LATE: Final = frozenset({"delay", "action"})


def decide(test: SplitTest, command: Command, now: Instant) -> list[Event] | Refused:
    """What follows from ``command``; asking again for what already holds gives ``[]``."""
    match command:
        case CreateSplitTest():
            return _create(test, command, now)
        case ChangeSplitTest():
            return _change(test, command, now)
        case StartSplitTest(task_ids, rest_task_id):
            # Messages may have come or gone since the ids were counted out: then it is started by the next try.
            ready = test.stage == "scheduled" and len(task_ids) == len(test.terms.message_ids)
            return [SplitTestStarted(task_ids, rest_task_id, now)] if ready else []
        case DrawSample(recipients, seed):
            return [_drawn(test, recipients, seed, now)] if test.stage == "freezing" else []
        case MeasureSplitTest():
            return _measure(test, command, now) if test.stage == "sending" else []
        case CompleteSplitTest():
            return [SplitTestCompleted(now)] if test.stage == "winning" else []
        case _:
            assert_never(command)


def _create(test: SplitTest, wish: CreateSplitTest, now: Instant) -> list[Event] | Refused:
    if test.stage != "new":
        return []
    terms = replace(wish.terms, scheduledtime=max(wish.terms.scheduledtime, now))
    faults = [
        *target_faults(terms.list_id, terms.search_id, wish.target_known),
        *_message_faults(terms, wish.known),
        *_sample_faults(terms),
    ]
    if wish.rate is not None and wish.rate < len(terms.message_ids):
        faults.append(Fault("rate", "must be at least one message an hour for each of message_ids"))
    if faults:
        return Refused.invalid(*faults)
    given = {each.name: getattr(terms, each.name) for each in fields(Terms)}
    return [
        SplitTestCreated(
            splittest_id=wish.splittest_id,
            account_id=wish.account_id,
            user_id=wish.user_id,
            rate=wish.rate,
            in_doubt=wish.in_doubt,
            size=wish.size,
            at=now,
            **given,
        )
    ]


def _message_faults(terms: Terms, known: Mapping[int, KnownMessage]) -> list[Fault]:
    faults = []
    if not FEWEST <= len(terms.message_ids) <= MOST:
        faults.append(Fault("message_ids", f"must be {FEWEST} to {MOST} messages"))
    if len(set(terms.message_ids)) < len(terms.message_ids):
        faults.append(Fault("message_ids", "must be different messages"))
    for message_id in dict.fromkeys(terms.message_ids):
        message = known.get(message_id)
        if message is None:
            faults.append(Fault("message_ids", f"there is no message {message_id}"))
        elif message.channel != "email":
            faults.append(Fault("message_ids", f"message {message_id} is an SMS: nobody sees whether one was read"))
        elif not (message.tracks_opens if terms.criterion == "open" else message.tracks_clicks):
            faults.append(Fault("criterion", f"message {message_id} does not track {terms.criterion}s"))
    return faults


def _sample_faults(terms: Terms) -> list[Fault]:
    faults = []
    if terms.segmenttype == "percentage" and not 1 <= terms.segmentvalue <= 100:
        faults.append(Fault("segmentvalue", "must be a percentage, from 1 to 100"))
    if terms.segmenttype == "number" and terms.segmentvalue < len(terms.message_ids):
        faults.append(Fault("segmentvalue", "must be at least one person for each of message_ids"))
    if not 0 <= terms.delay <= LONGEST_DELAY:
        faults.append(Fault("delay", f"must be hours, at most {LONGEST_DELAY:.0f}"))
    return faults


def _change(test: SplitTest, wish: ChangeSplitTest, now: Instant) -> list[Event] | Refused:
    if test.stage == "new":
        return Refused.not_found("there is no such split test")
    before = test.terms
    after = replace(before, **wish.wanted)
    if after.scheduledtime != before.scheduledtime:
        after = replace(after, scheduledtime=max(after.scheduledtime, now))
    conflicts = [*_late_changes(test, before, after), *_conflicts(test, wish)]
    if faults := _faults(wish, before, after):
        return Refused.invalid(*faults, *conflicts)
    if conflicts:
        return Refused("conflict", tuple(conflicts))
    changed: list[Event] = [SplitTestChanged(**asdict(after))] if after != before else []
    return changed + _chosen_or_cancelled(test, wish, now)


def _faults(wish: ChangeSplitTest, before: Terms, after: Terms) -> list[Fault]:
    """What stays is not questioned: one whose list is gone can still be cancelled."""
    faults = []
    if (after.list_id, after.search_id) != (before.list_id, before.search_id):
        faults += target_faults(after.list_id, after.search_id, wish.target_known)
    if (after.message_ids, after.criterion) != (before.message_ids, before.criterion):
        faults += _message_faults(after, wish.known)
    if after != before:
        faults += _sample_faults(after)
    if wish.winner_message_id is not None and wish.winner_message_id not in after.message_ids:
        faults.append(Fault("winner_message_id", "is none of message_ids"))
    return faults


def _late_changes(test: SplitTest, before: Terms, after: Terms) -> list[Fault]:
    if test.stage == "scheduled":
        return []
    open_still = _CHANGE_LATE if test.stage in ("freezing", "sending") else frozenset()
    stage = test.stage if test.stage in ("completed", "cancelled") else "started"
    return [
        Fault(each.name, f"cannot be changed any more, the split test is {stage}")
        for each in fields(Terms)
        if each.name not in open_still and getattr(before, each.name) != getattr(after, each.name)
    ]


def _conflicts(test: SplitTest, wish: ChangeSplitTest) -> list[Fault]:
    faults = []
    if wish.cancelled and test.stage == "completed":
        faults.append(Fault("cancelled", "a completed split test cannot be cancelled"))
    if wish.cancelled is False and test.stage == "cancelled":
        faults.append(Fault("cancelled", "a cancelled split test stays cancelled"))
    if wish.winner_message_id is None or wish.cancelled:
        return faults
    chosen = test.winner.message_id if test.winner else None
    if test.stage not in ("sending", "measured") and wish.winner_message_id != chosen:
        why = "the winner is chosen" if chosen else "its variants are not sent" if not test.draw else "it is cancelled"
        faults.append(Fault("winner_message_id", f"cannot be chosen, {why}"))
    return faults


def _chosen_or_cancelled(test: SplitTest, wish: ChangeSplitTest, now: Instant) -> list[Event]:
    if wish.cancelled:
        return [SplitTestCancelled(now)] if test.stage != "cancelled" else []
    if wish.winner_message_id is not None and test.winner is None:
        return [WinnerChosen(wish.winner_message_id, "user", now)]
    return []


def _drawn(test: SplitTest, recipients: int, seed: int, now: Instant) -> SplitTestDrawn:
    terms = test.terms
    shares = share_sizes(recipients, len(terms.message_ids), terms.segmenttype, terms.segmentvalue)
    return SplitTestDrawn(recipients, seed, shares, now)


def _measure(test: SplitTest, wish: MeasureSplitTest, now: Instant) -> list[Event]:
    places, seed = find_leaders(wish.figures), test.draw.seed if test.draw else 0
    events: list[Event] = [
        SplitTestMeasured(
            accepted=tuple(each.accepted for each in wish.figures),
            scores=tuple(each.score for each in wish.figures),
            leaders=tuple(_message_at(test, place) for place in places),
            at=now,
        )
    ]
    winner = break_tie(places, test.terms.tie, seed)
    if winner is not None and test.terms.action == "targetwinner":
        events.append(WinnerChosen(_message_at(test, winner), "score" if len(places) == 1 else "tie", now))
    return events


def _message_at(test: SplitTest, place: int) -> MessageId:
    return test.terms.message_ids[place]
