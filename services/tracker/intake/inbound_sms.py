"""Takes an SMS that somebody sent to us: its row and what it means in one transaction, before the gateway is answered.

A STOP is a suppression of the number for SMS, whoever has it or nobody, with one confirmation; a START lifts what a
STOP did and nothing else; any other text is an event for others to hear.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from services.tracker.decisions.read_inbound import InboundSms, repeat_key
from services.tracker.decisions.read_keyword import read_keyword
from services.tracker.intake.record import WAIT_SECONDS, NotStored
from services.tracker.intake.statements import STATEMENTS
from services.tracker.metrics import Metrics
from shared.domain.identifiers import Instant, sms_stream
from shared.domain.inbound_sms import SmsReceived
from shared.event_store.interface import Actor, Append, StreamAppend
from shared.event_store.on_postgres import append_in
from shared.notices.record import NewNotice, notice_row
from shared.postgres.database import Connection, Database, DatabaseError, Row
from shared.suppression.address_hash import AddressHashes
from shared.suppression.find import find_in
from shared.suppression.record import NewSuppression, lift_in, suppress_in

SOURCE: Final = "sms"  #: of a suppression: what a STOP did, and the only thing that a START undoes
KEPT_SECONDS: Final = 30 * 86_400.0  #: number and text, for those who hear of it late
REPEATED_SECONDS: Final = 600.0  #: how long the same words are a repeat, where the gateway gives no id of its own
CONFIRMED_SECONDS: Final = 3_600.0  #: later than that, a confirmation would be a new message to one who said stop
FORGOTTEN_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class InboundDesk:
    database: Database
    hashes: AddressHashes
    confirmation: str  #: the text that answers a STOP
    now: Callable[[], Instant]
    random_id: Callable[[], int]
    on_notice: Callable[[], None]  #: told that there is something to send
    metrics: Metrics

    async def take(self, account_id: int, sms: InboundSms) -> None:
        """Returns once committed. Again it changes nothing. Raises NotStored."""
        meaning = read_keyword(sms.text) or "text"
        try:
            async with asyncio.timeout(WAIT_SECONDS), self.database.transaction() as connection:
                row = await self._add(connection, account_id, meaning, sms)
                confirmed = row is not None and await self._carry_out(connection, account_id, meaning, sms, row)
        except (TimeoutError, DatabaseError) as error:
            raise NotStored(type(error).__name__) from error
        if row is not None:
            self.metrics.inbound_sms.labels(meaning).inc()
        if confirmed:
            self.on_notice()

    async def forget(self) -> bool:
        """What has expired; whether there may be more. Raises DatabaseError."""
        return await self.database.execute(STATEMENTS["forget_inbound_sms"], FORGOTTEN_AT_ONCE) == FORGOTTEN_AT_ONCE

    async def _add(self, connection: Connection, account_id: int, meaning: str, sms: InboundSms) -> Row | None:
        """None: it is there already."""
        key = repeat_key(account_id, sms)
        await connection.execute(STATEMENTS["hold_repeats"], key)
        repeated = REPEATED_SECONDS if sms.gateway_id is None else KEPT_SECONDS
        said = (meaning, sms.sender, sms.recipient, sms.text)
        terms = (key, repeated, KEPT_SECONDS, sms.gateway_id is not None)
        return await connection.fetch_row(STATEMENTS["add_inbound_sms"], account_id, *said, *terms)

    async def _carry_out(
        self, connection: Connection, account_id: int, meaning: str, sms: InboundSms, row: Row
    ) -> bool:
        """Whether there is a confirmation to send."""
        match meaning:
            case "stop":
                return await self._stop(connection, account_id, sms, row)
            case "start":
                await self._start(connection, account_id, sms)
            case _:
                received = SmsReceived(row["id"], row["subscriber_id"], self.now())
                stream = StreamAppend(sms_stream(row["id"]), 0, [received], Actor(account_id))
                await append_in(connection, [Append((stream,))])
        return False

    async def _stop(self, connection: Connection, account_id: int, sms: InboundSms, row: Row) -> bool:
        opt_out = NewSuppression(account_id, "sms", sms.sender, "opted_out", SOURCE, subscriber_id=row["subscriber_id"])
        new = await suppress_in(connection, self.hashes, [opt_out], self.now(), str(self.random_id()))
        if not new:
            return False  # had said so before, and was told
        confirmation = NewNotice(
            account_id=account_id,
            channel="sms",
            purpose="stop_confirmation",
            origin=f"inbound-sms-{row['id']}",
            sender=sms.recipient,
            address=sms.sender,
            content=self.confirmation,
            expires_seconds=CONFIRMED_SECONDS,
            subscriber_id=row["subscriber_id"],
        )
        await append_in(connection, [Append((), (notice_row(confirmation),))])
        return True

    async def _start(self, connection: Connection, account_id: int, sms: InboundSms) -> None:
        found = await find_in(connection, self.hashes, account_id, [("sms", sms.sender)])
        opt_outs = [each.id for each in found if each.reason == "opted_out" and each.list_id is None]
        stops = [each["id"] for each in await connection.fetch(STATEMENTS["stops_among"], opt_outs)]
        await lift_in(connection, account_id, stops, self.now(), str(self.random_id()))
