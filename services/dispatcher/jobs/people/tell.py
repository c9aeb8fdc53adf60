"""What a chunk did to subscribers, as an event: ids only, by whoever posted the job."""

from collections.abc import Iterable, Sequence

from services.dispatcher.jobs.held_job import HeldJob, RowFault
from services.dispatcher.jobs.people.settle import Settled
from shared.domain.identifiers import Instant, ListId, subscribers_stream
from shared.domain.recipient_list import SubscribersChanged
from shared.event_store.interface import Actor, Append, StreamAppend
from shared.event_store.on_postgres import append_in
from shared.postgres.database import Connection


async def append_change(
    connection: Connection,
    job: HeldJob,
    number: int,
    done: Settled,
    now: Instant,
    list_id: int | None = None,
    unsubscribed: Sequence[int] = (),
) -> None:
    """``number``: of the chunk. It names the stream: a chunk that is done already cannot be stored again."""
    if not done.created and not done.updated:
        return
    changed = SubscribersChanged(
        None if list_id is None else ListId(list_id), tuple(done.created), tuple(done.updated), tuple(unsubscribed), now
    )
    stream = subscribers_stream(change_of(job, number))
    actor = Actor(job.account_id, job.user_id)
    await append_in(connection, [Append((StreamAppend(stream, 0, [changed], actor),))])


def change_of(job: HeldJob, number: int) -> str:
    return f"job-{job.number}-{number}"


def totals(job: HeldJob, done: Settled) -> dict[str, int]:
    """Of the job so far, with this chunk: what GET tells beside the rows."""
    counted = {"created": len(done.created), "updated": len(done.updated), "skipped": done.skipped}
    return {name: int(job.result.get(name, 0)) + count for name, count in counted.items()}


def in_order(read: Iterable[tuple[int, str]], applied: Iterable[RowFault]) -> list[RowFault]:
    """What was wrong with the lines of a chunk, by their numbers."""
    faults = [*(RowFault(line, message) for line, message in read), *applied]
    return sorted(faults, key=lambda fault: fault.line)
