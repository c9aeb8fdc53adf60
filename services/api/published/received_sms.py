"""What others hear of an SMS that somebody sent to us: the event holds ids, a row holds who said what, for a while."""

from collections.abc import Mapping, Sequence

from services.api.authenticate import QUERIES
from shared.domain.inbound_sms import SmsReceived
from shared.event_store.interface import RecordedEvent
from shared.postgres.database import Database, Row


async def read_received(database: Database, events: Sequence[RecordedEvent]) -> Mapping[int, Row]:
    """The rows of those of the events that are of an SMS, by id, in one statement. Raises DatabaseError."""
    ids = [recorded.event.sms_id for recorded in events if isinstance(recorded.event, SmsReceived)]
    rows = await database.fetch(QUERIES["received_sms"], ids) if ids else []
    return {row["id"]: row for row in rows}


def told(event: SmsReceived, row: Row | None) -> dict[str, object]:
    """``from``, ``to`` and ``text`` are null once they are forgotten."""
    return {
        "id": event.sms_id,
        "subscriber_id": event.subscriber_id,
        "from": row["from_number"] if row else None,
        "to": row["to_number"] if row else None,
        "text": row["body"] if row else None,
        "time": event.at,
    }
