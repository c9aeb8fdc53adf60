"""The booking's row."""

from shared.domain import booking
from shared.domain.booking import Booking, read_day
from shared.event_store.handle_command import Aggregate
from shared.event_store.interface import Write
from shared.event_store.read_models.statements import STATEMENTS


def rows(state: Booking, version: int) -> tuple[Write, ...]:
    return (
        Write(
            STATEMENTS["write_booking"],
            (
                state.booking_id,
                state.account_id,
                state.name,
                version,
                read_day(state.start_date),
                read_day(state.end_date),
                state.impressions_per_day,
                state.cdate,
                state.removed,
            ),
        ),
    )


BOOKINGS: Aggregate[Booking, booking.Command, booking.Event] = Aggregate(
    booking.replay, booking.decide, booking.evolve, rows
)
