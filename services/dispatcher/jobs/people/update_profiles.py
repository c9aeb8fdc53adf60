"""Does to whoever is settled what an update says: opt-outs, lists. Here they are lifted, too, by whom is kept."""

from collections.abc import Iterable, Sequence

from services.dispatcher.jobs.held_job import HeldJob
from services.dispatcher.jobs.people.statements import STATEMENTS
from services.dispatcher.jobs.people.tell import change_of
from services.dispatcher.jobs.work import JobTools
from shared.domain.identifiers import Channel
from shared.postgres.database import Connection, Row
from shared.suppression.record import NewSuppression, lift_in, suppress_in

SOURCE = "update"  #: of the subscriptions


async def update_settled(connection: Connection, tools: JobTools, job: HeldJob, number: int) -> list[int]:
    """``number``: of the chunk. Answers who has left a list or opted out by it, for the event."""
    now, change = tools.now(), change_of(job, number)
    unsubscribes = await connection.fetch(STATEMENTS["unsubscribes_to_lift"])
    optouts = await connection.fetch(STATEMENTS["optouts_to_lift"])
    lifted = [row["id"] for row in (*unsubscribes, *optouts)]
    if lifted:
        await lift_in(connection, job.account_id, lifted, now, f"{change}-lifted", job.user_id)
    opted_out = await connection.fetch(STATEMENTS["opt_out"])
    suppressions = _suppressions(job, opted_out)
    await suppress_in(connection, tools.hashes, suppressions, now, f"{change}-opted-out", job.user_id)
    await connection.execute(STATEMENTS["subscribe_wanted"], SOURCE, now)
    ended = await connection.fetch(STATEMENTS["end_unwanted"], now)
    return sorted({*(row["subscriber_id"] for row in ended), *(row["id"] for row in opted_out)})


def _suppressions(job: HeldJob, opted_out: Iterable[Row]) -> Sequence[NewSuppression]:
    """Of every address of theirs: so that it is remembered when the address is erased."""
    ways: tuple[tuple[Channel, str], ...] = (("email", "email"), ("sms", "telephone"))
    return [
        NewSuppression(
            account_id=job.account_id,
            channel=channel,
            address=row[column],
            reason="opted_out",
            source=f"job {job.number}",
            subscriber_id=row["id"],
            marketing_only=row["optout"] != "all",
        )
        for row in opted_out
        for channel, column in ways
        if row[column]
    ]
