"""``/adplan``: parse, handle, answer."""

from typing import Any

from services.api.body import object_body
from services.api.fields import NoQuery
from services.api.operation import WRITERS, Answer, Api, Call, Operation
from services.api.paging import PageQuery, answer_page, read_id_cursor
from services.api.resources.adplan import read
from services.api.resources.adplan.schema import BookingAnswer, BookingChange, NewBooking
from shared.domain.booking import AddBooking, Booking, ChangeBooking, Command, RemoveBooking
from shared.domain.identifiers import AccountId, BookingId, booking_stream
from shared.domain.refusal import Refused
from shared.event_store.interface import Actor
from shared.event_store.read_models.booking import BOOKINGS


async def post_booking(api: Api, call: Call[NoQuery, NewBooking]) -> Answer | Refused:
    account_id, wish = call.caller.account_id, call.content
    booking_id = BookingId(await api.ids.next("booking_id"))
    done = await api.commands.handle(
        BOOKINGS,
        booking_stream(booking_id),
        AddBooking(booking_id, AccountId(account_id), **wish.model_dump()),
        Actor(account_id, call.caller.user_id),
        fresh=True,
        also=lambda state: call.remember(_created(state)),
    )
    return done if isinstance(done, Refused) else _created(done.state)


def _created(state: Booking) -> Answer:
    return Answer(read.answer_of_state(state), 201, {"Location": f"/adplan/{state.booking_id}"})


async def get_bookings(api: Api, call: Call[PageQuery, None]) -> Answer | Refused:
    after = read_id_cursor(call.query.start)
    if isinstance(after, Refused):
        return after
    bookings, total = await read.read_page(api.database, call.caller.account_id, after, call.query.count)
    return answer_page(call.target, bookings, call.query.count, total, lambda last: [last["id"]])


async def get_booking(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    (booking_id,) = call.ids
    found = await read.read_booking(api.database, call.caller.account_id, booking_id)
    return Answer(found) if found else _missing(booking_id)


async def put_booking(api: Api, call: Call[NoQuery, BookingChange]) -> Answer | Refused:
    change = call.content
    return await _handle(api, call, ChangeBooking(frozenset(change.model_fields_set), **change.model_dump()))


async def delete_booking(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    """Answers what it was."""
    return await _handle(api, call, RemoveBooking())


async def _handle(api: Api, call: Call[NoQuery, Any], command: Command) -> Answer | Refused:
    (booking_id,), account_id = call.ids, call.caller.account_id
    if await read.read_booking(api.database, account_id, booking_id) is None:
        return _missing(booking_id)
    stream, actor = booking_stream(booking_id), Actor(account_id, call.caller.user_id)
    async with api.in_turn.turn(stream):
        done = await api.commands.handle(BOOKINGS, stream, command, actor)
    return done if isinstance(done, Refused) else Answer(read.answer_of_state(done.state))


def _missing(booking_id: int) -> Refused:
    return Refused.not_found(f"there is no booking {booking_id}")


OPERATIONS = (
    Operation("GET", "/adplan", "The bookings of the account", get_bookings, list[BookingAnswer], query=PageQuery),
    Operation(
        "POST",
        "/adplan",
        "Book impressions on each day of a range",
        post_booking,
        BookingAnswer,
        body=object_body(NewBooking),
        status=201,
        refusals=(409, 413, 415),
        roles=WRITERS,
    ),
    Operation("GET", "/adplan/{booking_id}", "One booking", get_booking, BookingAnswer, refusals=(404,)),
    Operation(
        "PUT",
        "/adplan/{booking_id}",
        "Change a booking",
        put_booking,
        BookingAnswer,
        body=object_body(BookingChange),
        refusals=(404, 409, 413, 415),
        roles=WRITERS,
    ),
    Operation(
        "DELETE",
        "/adplan/{booking_id}",
        "Remove a booking",
        delete_booking,
        BookingAnswer,
        refusals=(404, 409),
        roles=WRITERS,
    ),
)
