"""Ends a subscription at its reader's wish: rows, events and segment in one transaction."""

import asyncio
from collections.abc import Callable
from typing import Final

from services.tracker.decisions.read_wish import Wish
from services.tracker.intake.record import WAIT_SECONDS, NotStored
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
from shared.postgres.database import Connection, Database, DatabaseError, Row
from shared.suppression.address_hash import AddressHashes
from shared.suppression.record import NewSuppression, suppress_in

#: The batch of all unsubscribe segments; the part is the ordinal: one for each recipient, however often he asks.
UNSUBSCRIBE_BATCH: Final = -1


class Unsubscriber:
    def __init__(
        self,
        database: Database,
        hashes: AddressHashes,
        now: Callable[[], Instant],
        random_id: Callable[[], int],
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._hashes = hashes
        self._now = now
        self._random_id = random_id
        self._stored = metrics.hits.labels("unsubscribed")

    async def unsubscribe(self, task_id: int, ordinal: int, wish: Wish) -> bool:
        """Returns once committed; False: there is no such recipient. Again it changes nothing. Raises NotStored."""
        try:
            async with asyncio.timeout(WAIT_SECONDS), self._database.transaction() as connection:
                found = await self._carry_out(connection, task_id, ordinal, wish)
        except (TimeoutError, DatabaseError) as error:
            raise NotStored(type(error).__name__) from error
        self._stored.inc(found)
        return found

    async def _carry_out(self, connection: Connection, task_id: int, ordinal: int, wish: Wish) -> bool:
        addressee = await connection.fetch_row(STATEMENTS["addressee"], task_id, ordinal)
        if addressee is None:
            return False
        now = self._now()
        if await _change_rows(connection, addressee, wish):
            list_id = None if wish == "all" else addressee["list_id"]
            await append_events_in(connection, [self._event(addressee, list_id, now)])
        wanted = _suppressions(addressee, task_id, ordinal, wish)
        await suppress_in(connection, self._hashes, wanted, now, str(self._random_id()))
        hit = Hit(task_id, Kind.UNSUBSCRIBED, ordinal, int(now * 1000))
        await append_segments_in(connection, [Entry(gather_hits([hit], UNSUBSCRIBE_BATCH, ordinal))])
        return True

    def _event(self, addressee: Row, list_id: ListId | None, now: Instant) -> Append:
        changed = SubscribersChanged(list_id, (), (), (addressee["subscriber_id"],), now)
        stream = subscribers_stream(str(self._random_id()))
        return Append((StreamAppend(stream, 0, [changed], Actor(addressee["account_id"])),))


def _suppressions(addressee: Row, task_id: int, ordinal: int, wish: Wish) -> list[NewSuppression]:
    """Of every address of the person, the one written to first: it is not an address that wishes."""
    written_to: tuple[Channel, str | None] = (addressee["channel"], addressee["address"])
    known: tuple[tuple[Channel, str | None], ...] = (("email", addressee["email"]), ("sms", addressee["telephone"]))
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
            ordinal=ordinal,
            marketing_only=wish == "list" and not of_list,
        )
        for channel, address in (written_to, *known)
        if address
    ]


async def _change_rows(connection: Connection, addressee: Row, wish: Wish) -> int:
    """How many changed. A search has no subscription to end: whoever was found by one opts out of blasts."""
    subscriber_id = addressee["subscriber_id"]
    if wish == "all":
        return await connection.execute(STATEMENTS["opt_out_of_all"], subscriber_id)
    if addressee["list_id"] is None:
        return await connection.execute(STATEMENTS["opt_out_of_blasts"], subscriber_id)
    return await connection.execute(STATEMENTS["end_subscription"], addressee["list_id"], subscriber_id)
