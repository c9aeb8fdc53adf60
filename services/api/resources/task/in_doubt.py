"""``/task/:id/in-doubt``: a person decides about those of whom nobody knows whether they were sent to."""

from collections.abc import Iterator

from pyroaring import BitMap

from services.api.body import object_body
from services.api.fields import NoQuery, RequestModel
from services.api.operation import WRITERS, Answer, Api, Call, Operation
from services.api.resources.task import read
from services.api.resources.task.answer import row_of, task_answer
from services.api.resources.task.schema import TaskAnswer
from shared.bus.interface import Hint
from shared.delivery_log.ordinal_sets import read_counts, read_sets
from shared.domain.delivery import Kind
from shared.domain.identifiers import task_stream
from shared.domain.recipient_states import split_by_state
from shared.domain.refusal import Refused
from shared.domain.task import DecideInDoubt, InDoubtPolicy, Task
from shared.event_store.interface import Actor, Append, Write
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Row

LARGEST_BATCH = 500  #: ordinals in a batch, as those an audience is cut into


class InDoubtWish(RequestModel):
    """``resend``: whoever is held is sent to once more. ``hold``: nobody in doubt is, now or later."""

    action: InDoubtPolicy


async def post_in_doubt(api: Api, call: Call[NoQuery, InDoubtWish]) -> Answer | Refused:
    (task_id,) = call.ids
    stream = task_stream(task_id)
    # In turn, so that of two who decide at the same time the second sees whom the first one took.
    async with api.in_turn.turn(stream):
        task = await read.read_row(api.database, call.caller, task_id)
        if task is None:
            return Refused.not_found(f"there is no task {task_id}")
        return await _decide(api, call, task, stream)


async def _decide(api: Api, call: Call[NoQuery, InDoubtWish], task: Row, stream: str) -> Answer | Refused:
    before, held = await _held(api, task) if call.content.action == "resend" else (None, BitMap())
    counts = (await read_counts(api.database, [task["id"]]))[task["id"]]

    def answer(state: Task) -> Answer:
        return Answer(task_answer(row_of(state, task["blocked_reason"]), counts))

    def rows(state: Task) -> tuple[Write, ...]:
        again = (_send_once_more(task["id"], before, held),) if held else ()
        return (*again, *call.remember(answer(state)))

    command = DecideInDoubt(call.content.action, len(held))
    done = await api.commands.handle(
        TASKS, stream, command, Actor(call.caller.account_id, call.caller.user_id), also=rows
    )
    if isinstance(done, Refused):
        return done
    if not done.events and (kept := call.remember(answer(done.state))):
        await api.store.append(Append((), kept))
    if held:
        api.hints.send("dispatcher", Hint("task_due", task["id"]))
        api.hints.send("dispatcher", Hint("batches_ready", task["id"]))
    return answer(done.state)


async def _held(api: Api, task: Row) -> tuple[bytes | None, BitMap]:
    """On whom somebody decided before, as it is stored, and who is held beside them."""
    before: bytes | None = await api.database.fetch_value(read.QUERIES["redecided"], task["id"])
    sets = await read_sets(api.database, task["id"], list(Kind))
    held = dict(split_by_state(BitMap(range(task["recipients"] or 0)), sets))["in_doubt"]
    return before, held - BitMap.deserialize(before) if before else held


def _send_once_more(task_id: int, before: bytes | None, held: BitMap) -> Write:
    redecided = held | BitMap.deserialize(before) if before else held
    batches = list(_pieces(held))
    cut = ([batch.serialize() for batch in batches], [len(batch) for batch in batches])
    return Write(read.QUERIES["send_once_more"], (task_id, before, redecided.serialize(), *cut))


def _pieces(ordinals: BitMap) -> Iterator[BitMap]:
    for first in range(0, len(ordinals), LARGEST_BATCH):
        yield ordinals[first : first + LARGEST_BATCH]


OPERATION = Operation(
    "POST",
    "/task/{task_id}/in-doubt",
    "Decide about those of whom nobody knows whether they were sent to",
    post_in_doubt,
    TaskAnswer,
    body=object_body(InDoubtWish),
    refusals=(404, 409, 413, 415),
    roles=WRITERS,
)
