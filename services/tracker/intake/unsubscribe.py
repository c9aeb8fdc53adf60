"""Ends a subscription at its reader's wish: rows, events and segment in one transaction, or later from the journal."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from services.tracker.decisions.read_wish import Wish, Wished
from services.tracker.intake.journal import HitJournal
from services.tracker.intake.record import TRY_SECONDS, WAIT_SECONDS, NotStored
from services.tracker.intake.statements import STATEMENTS
from services.tracker.metrics import Metrics
from shared.delivery_log.append import Entry
from shared.delivery_log.append import append_in as append_segments_in
from shared.delivery_log.gather_hits import Hit, gather_hits
from shared.domain.delivery import Kind
from shared.domain.identifiers import Channel, Instant, ListId, subscribers_stream
from shared.domain.recipient_list import SubscribersChanged
from shared.event_store.interface import Actor, Append, StreamAppend
from shared.event_store.on_postgres import append_in as append_events_in
from shared.postgres.database import Connection, Database, DatabaseError, Row, Unavailable
from shared.postgres.group_commit import GroupCommit
from shared.suppression.address_hash import AddressHashes
from shared.suppression.record import NewSuppression, suppress_in

#: The batch of all unsubscribe segments; the part is the ordinal: one for each recipient, however often he asks.
UNSUBSCRIBE_BATCH: Final = -1


class Unsubscriber:
    def __init__(
        self,
        database: Database,
        hashes: AddressHashes,
        journal: HitJournal,
        random_id: Callable[[], int],
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._hashes = hashes
        self._journal = journal
        self._random_id = random_id
        self._stored = metrics.hits.labels("unsubscribed")
        self._group: GroupCommit[Wished] = GroupCommit(self._keep)

    async def unsubscribe(self, wished: Wished) -> bool:
        """Returns once committed, or on the disk while Postgres is away; False: there is no such recipient. Again it
        changes nothing. Raises NotStored.
        """
        found = None if self._journal.away else await self._committed(wished)
        if found is None:
            found = await self._kept(wished)
        self._stored.inc(found)
        return found

    async def carry_out(self, connection: Connection, wished: Wished) -> bool:
        """Within the caller's transaction; False: there is no such recipient."""
        addressee = await connection.fetch_row(STATEMENTS["addressee"], wished.task_id, wished.ordinal)
        if addressee is None:
            return False
        at = Instant(wished.time_ms / 1000)
        if await _change_rows(connection, addressee, wished.wish, at):
            list_id = None if wished.wish == "all" else addressee["list_id"]
            await append_events_in(connection, [self._event(addressee, list_id, at)])
        wanted = _suppressions(addressee, wished)
        await suppress_in(connection, self._hashes, wanted, at, str(self._random_id()))
        hit = Hit(wished.task_id, Kind.UNSUBSCRIBED, wished.ordinal, wished.time_ms)
        await append_segments_in(connection, [Entry(gather_hits([hit], UNSUBSCRIBE_BATCH, wished.ordinal), again=True)])
        return True

    async def _committed(self, wished: Wished) -> bool | None:
        """None: Postgres is away, and whether it is committed is not known."""
        try:
            async with asyncio.timeout(TRY_SECONDS), self._database.transaction() as connection:
                return await self.carry_out(connection, wished)
        except (TimeoutError, Unavailable):
            return None
        except DatabaseError as error:
            raise NotStored(type(error).__name__) from error

    async def _kept(self, wished: Wished) -> bool:
        """True, as nobody can say more: if there is no such recipient, replaying it changes nothing."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._group.submit(wished)
        except (TimeoutError, DatabaseError) as error:
            raise NotStored(type(error).__name__) from error
        return True

    async def _keep(self, group: Sequence[Wished]) -> None:
        await self._journal.keep("wishes", group)

    def _event(self, addressee: Row, list_id: ListId | None, at: Instant) -> Append:
        changed = SubscribersChanged(list_id, (), (), (addressee["subscriber_id"],), at)
        stream = subscribers_stream(str(self._random_id()))
        return Append((StreamAppend(stream, 0, [changed], Actor(addressee["account_id"])),))


def _suppressions(addressee: Row, wished: Wished) -> list[NewSuppression]:
    """Of every address of the person, the one written to first: it is not an address that wishes."""
    written_to: tuple[Channel, str | None] = (addressee["channel"], addressee["address"])
    known: tuple[tuple[Channel, str | None], ...] = (("email", addressee["email"]), ("sms", addressee["telephone"]))
    wish, task_id = wished.wish, wished.task_id
    of_list = wish == "list" and addressee["list_id"] is not None
    return [
        NewSuppression(
            account_id=addressee["account_id"],
            channel=channel,
            address=address,
            reason="unsubscribed" if of_list else "opted_out",
            source=f"task {task_id}",
            subscriber_id=addressee["subscriber_id"],
            list_id=addressee["list_id"] if of_list else None,
            task_id=task_id,
            ordinal=wished.ordinal,
            marketing_only=wish == "list" and not of_list,
        )
        for channel, address in (written_to, *known)
        if address
    ]


async def _change_rows(connection: Connection, addressee: Row, wish: Wish, at: Instant) -> int:
    """How many changed. A search has no subscription to end: whoever was found by one opts out of blasts."""
    subscriber_id = addressee["subscriber_id"]
    if wish == "all":
        return await connection.execute(STATEMENTS["opt_out_of_all"], subscriber_id)
    if addressee["list_id"] is None:
        return await connection.execute(STATEMENTS["opt_out_of_blasts"], subscriber_id)
    return await connection.execute(STATEMENTS["end_subscription"], addressee["list_id"], subscriber_id, at)
