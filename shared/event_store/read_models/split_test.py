"""The split test's row, and the aggregate as every service handles it."""

from collections.abc import Sequence

from shared.domain import split_test
from shared.domain.decide_split_test import decide
from shared.domain.identifiers import task_stream
from shared.domain.split_test import SplitTest
from shared.domain.split_test_tasks import tasks_after
from shared.domain.task import CreateTask
from shared.event_store.handle_command import Aggregate, Consequence
from shared.event_store.interface import Write
from shared.event_store.read_models.statements import STATEMENTS
from shared.event_store.read_models.task import TASKS


def rows(state: SplitTest, version: int) -> tuple[Write, ...]:
    terms, draw, measured = state.terms, state.draw, state.measured
    row = (
        state.splittest_id,
        state.account_id,
        state.user_id,
        version,
        terms.name,
        list(terms.message_ids),
        terms.list_id,
        terms.search_id,
        terms.criterion,
        terms.action,
        terms.delay,
        terms.segmenttype,
        terms.segmentvalue,
        terms.tie,
        terms.scheduledtime,
        state.rate,
        state.in_doubt,
        state.size,
        state.cdate,
        state.started_at is not None,
        state.stage == "cancelled",
        state.stage == "completed",
        state.endtime,
        list(state.task_ids),
        state.rest_task_id,
        draw and draw.recipients,
        draw and draw.seed,
        draw and list(draw.shares),
        measured and list(measured.accepted),
        measured and list(measured.scores),
        measured and measured.at,
        state.winner and state.winner.message_id,
        state.winner_task_id,
    )
    return (Write(STATEMENTS["write_splittest"], row),)


def follow(state: SplitTest, events: list[split_test.Event]) -> Sequence[Consequence]:
    """A task that has ended meanwhile need not be cancelled; one that is to be made must be."""
    return [
        Consequence(TASKS, task_stream(task_id), command, needed=isinstance(command, CreateTask))
        for task_id, command in tasks_after(state, events)
    ]


SPLIT_TESTS: Aggregate[SplitTest, split_test.Command, split_test.Event] = Aggregate(
    split_test.replay, decide, split_test.evolve, rows
)
