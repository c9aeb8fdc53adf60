"""A service pauses a task that does harm, and says so where somebody is woken by it."""

import structlog

from shared.domain.identifiers import task_stream
from shared.domain.refusal import Refused
from shared.domain.task import Event, PauseTask, Task
from shared.event_store.handle_command import Done, Handler
from shared.event_store.interface import Actor
from shared.event_store.read_models.task import TASKS

log = structlog.get_logger(__name__)


async def pause_itself(
    handler: Handler, task_id: int, account_id: int, command: PauseTask
) -> Done[Task, Event] | Refused:
    """Without events: it is paused already, it has ended, or a person wants it sent all the same. Raises
    VersionConflict, DatabaseError.
    """
    done = await handler.handle(TASKS, task_stream(task_id), command, Actor(account_id))
    if isinstance(done, Done) and done.events:
        log.warning(
            "task paused itself",
            action="task_paused_itself",
            task_id=task_id,
            cause=command.cause,
            reason=command.reason,
        )
    return done
