"""The tasks that a split test makes and cancels, whatever happens to it."""

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.decide_split_test import decide
from shared.domain.identifiers import TaskId
from shared.domain.refusal import Refused
from shared.domain.split_test import (
    Command,
    CompleteSplitTest,
    SplitTest,
    SplitTestCancelled,
    StartSplitTest,
)
from shared.domain.split_test_tasks import tasks_after
from shared.domain.task import ChangeTask, CreateTask
from tests.unit.shared.split_test_histories import DRAW, EVEN, NOON, SECOND, START, WISH, after, change, evolved


def test_the_draw_makes_a_task_of_each_message_and_they_share_the_rate() -> None:
    state = after(START, DRAW)
    assert state.draw
    made = tasks_after(state, [state.draw])

    assert [task_id for task_id, _ in made] == [11, 12, 13]
    creations = [wish for _, wish in made if isinstance(wish, CreateTask)]
    assert [(each.message_id, each.size, each.rate) for each in creations] == [(1, 10, 200), (2, 10, 200), (3, 10, 200)]
    assert {(each.splittest_id, each.list_id, each.in_doubt, each.user_id) for each in creations} == {
        (9, 5, "hold", 70)
    }
    assert [each.name for each in creations] == [f"Which one ({number} of 3)" for number in (1, 2, 3)]


def test_the_winner_goes_to_the_rest() -> None:
    state = after(START, DRAW, SECOND)
    assert state.winner
    [(task_id, made)] = tasks_after(state, [state.winner])

    assert isinstance(made, CreateTask)
    assert (task_id, made.message_id, made.size, made.rate, made.name) == (14, 2, 70, 600, "Which one (winner)")


def test_where_nobody_is_left_the_winner_has_no_task() -> None:
    state = after(START, DRAW, SECOND, segmentvalue=100)

    assert state.winner
    assert (state.rest, state.winner_task_id) == (0, None)
    assert tasks_after(state, [state.winner]) == []


def test_a_cancel_is_one_of_every_task_there_is() -> None:
    cancel = change(cancelled=True)

    for commands, tasks in [((START,), []), ((START, DRAW), [11, 12, 13]), ((START, DRAW, SECOND), [11, 12, 13, 14])]:
        wishes = tasks_after(after(*commands, cancel), [SplitTestCancelled(NOON)])
        assert [task_id for task_id, _ in wishes] == tasks
        assert all(isinstance(wish, ChangeTask) and wish.cancels for _, wish in wishes)


COMMANDS = st.sampled_from(
    [
        WISH,
        START,
        DRAW,
        EVEN,
        SECOND,
        CompleteSplitTest(),
        change(cancelled=True),
        change(cancelled=False),
        change(winner_message_id=2),
        change(delay=1.0),
        change(action="tellme", tie="tellme"),
        change(message_ids=(1, 2)),
        StartSplitTest(START.task_ids[:2], START.rest_task_id),
    ]
)


@given(st.lists(COMMANDS, max_size=12))
def test_whatever_happens_in_whatever_order_each_task_is_made_once(commands: list[Command]) -> None:
    """Shares and rest add up to the audience, and after its end nothing is made any more."""
    state, made = SplitTest(), dict[TaskId, int]()
    for command in commands:
        decided = decide(state, command, NOON)
        if isinstance(decided, Refused):
            continue
        ended = state.stage in ("completed", "cancelled")
        state = evolved(state, decided)
        creations = [(task, wish) for task, wish in tasks_after(state, decided) if isinstance(wish, CreateTask)]
        assert not (ended and decided)
        assert not {task for task, _ in creations} & set(made)
        made |= {task: wish.size for task, wish in creations}
    assert set(made) == set(state.tasks)
    if state.winner_task_id is not None:
        assert sum(made.values()) == 100
