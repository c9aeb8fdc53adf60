"""What the tasks of a split test are to do when something happens to it. Pure."""

from collections.abc import Iterable
from typing import Final

from shared.domain.identifiers import Instant, MessageId, TaskId
from shared.domain.split_test import Event, SplitTest, SplitTestCancelled, SplitTestDrawn, WinnerChosen
from shared.domain.task import ChangeTask, CreateTask

LONGEST_NAME: Final = 240  #: of a split test, within the name of a task

Wish = tuple[TaskId, CreateTask | ChangeTask]


def tasks_after(test: SplitTest, events: Iterable[Event]) -> list[Wish]:
    """``test``: after ``events``. To be carried out with them: a task is there as soon as it is told of, and never
    without.
    """
    wishes: list[Wish] = []
    for event in events:
        match event:
            case SplitTestDrawn():
                wishes += _variants(test, event)
            case WinnerChosen(message_id) if test.winner_task_id is not None:
                named = f"{test.terms.name[:LONGEST_NAME]} (winner)"
                wishes.append(_create(test, test.winner_task_id, message_id, named, test.rest, test.rate))
            case SplitTestCancelled():
                stop = ChangeTask(fields=frozenset({"cancelled"}), cancelled=True)
                wishes += [(task_id, stop) for task_id in test.tasks]
            case _:
                pass
    return wishes


def _variants(test: SplitTest, draw: SplitTestDrawn) -> list[Wish]:
    """At once, so they share the rate."""
    count = len(test.task_ids)
    rate = None if test.rate is None else test.rate // count
    return [
        _create(test, task_id, message_id, f"{test.terms.name[:LONGEST_NAME]} ({number} of {count})", share, rate)
        for number, (task_id, message_id, share) in enumerate(
            zip(test.task_ids, test.terms.message_ids, draw.shares, strict=True), start=1
        )
    ]


def _create(
    test: SplitTest, task_id: TaskId, message_id: MessageId, name: str, size: int, rate: int | None
) -> tuple[TaskId, CreateTask]:
    """Due at once. What was known of message and target when it was decided is not questioned again."""
    return task_id, CreateTask(
        task_id=task_id,
        account_id=test.account_id,
        user_id=test.user_id,
        channel="email",
        name=name,
        message_id=message_id,
        message_channel="email",
        list_id=test.terms.list_id,
        search_id=test.terms.search_id,
        target_known=True,
        rate=rate,
        in_doubt=test.in_doubt,
        scheduledtime=Instant(0.0),
        size=size,
        splittest_id=test.splittest_id,
    )
