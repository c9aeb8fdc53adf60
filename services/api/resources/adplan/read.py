"""What is known of bookings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.api.moments import moment
from services.api.resources.adplan.schema import BookingAnswer
from shared.domain.booking import Booking
from shared.postgres.database import Database
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


async def read_booking(database: Database, account_id: int, booking_id: int) -> BookingAnswer | None:
    row = await database.fetch_row(QUERIES["read_booking"], account_id, booking_id)
    return _answer(dict(row)) if row else None


async def read_page(database: Database, account_id: int, after: int, count: int) -> tuple[list[BookingAnswer], int]:
    """The bookings behind id ``after``, one more than ``count`` if there are more, and how many there are in all."""
    rows = await database.fetch(QUERIES["booking_page"], account_id, after, count + 1)
    return [_answer(dict(row)) for row in rows], await database.fetch_value(QUERIES["booking_total"], account_id)


def answer_of_state(booking: Booking) -> BookingAnswer:
    return _answer(
        {
            "id": booking.booking_id,
            "name": booking.name,
            "start_date": booking.start_date,
            "end_date": booking.end_date,
            "impressions_per_day": booking.impressions_per_day,
            "cdate": booking.cdate,
        }
    )


def _answer(row: Mapping[str, Any]) -> BookingAnswer:
    return BookingAnswer(
        id=row["id"],
        name=row["name"],
        start_date=row["start_date"],
        end_date=row["end_date"],
        impressions_per_day=row["impressions_per_day"],
        cdate=moment(row["cdate"]),
    )
