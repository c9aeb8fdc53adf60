"""The task's row, and the aggregate as every service handles it."""

from shared.domain import task
from shared.domain.decide_task import decide
from shared.domain.task import Task
from shared.event_store.handle_command import Aggregate
from shared.event_store.interface import Write
from shared.event_store.read_models.statements import STATEMENTS


def rows(state: Task, version: int) -> tuple[Write, ...]:
    """The row that readers see; and of a started task what those who claim its batches have to know."""
    shown = Write(STATEMENTS["write_task"], _shown(state, version))
    if not state.started:
        return (shown,)
    # A window of what has ended is kept open and shut by nobody, unless something of it is sent once more.
    ended = state.stage in ("completed", "cancelled") and not state.sends_again
    terms = (state.task_id, state.paused, state.in_doubt, state.expires, None if ended else state.send_window)
    return (shown, Write(STATEMENTS["write_sending_terms"], terms))


def _shown(state: Task, version: int) -> tuple[object, ...]:
    return (
        state.task_id,
        state.account_id,
        state.user_id,
        version,
        state.channel,
        state.name,
        state.message_id,
        state.message_version,
        state.list_id,
        state.search_id,
        state.rate,
        state.in_doubt,
        state.scheduledtime,
        state.size,
        state.cdate,
        state.started,
        state.stage == "cancelled",
        state.stage == "completed",
        state.endtime,
        state.recipients,
        dict(state.excluded),
        state.paused,
        state.pause.reason if state.pause else None,
        state.expires,
        state.send_window,
        state.splittest_id,
        state.campaign_id,
        list(state.segments),
    )


TASKS: Aggregate[Task, task.Command, task.Event] = Aggregate(task.replay, decide, task.evolve, rows)
