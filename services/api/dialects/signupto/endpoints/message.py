"""``/v1/message``: the messages of both channels by name, to be read only."""

from typing import Any, Final, Literal

from typing_extensions import TypedDict

from services.api.authenticate import Caller
from services.api.dialects.signupto.arguments import Paging, answer_page
from services.api.dialects.signupto.envelope import one
from services.api.dialects.signupto.listing import ID, Pages, SortKey
from services.api.dialects.signupto.native import operation
from services.api.fields import Id, NoQuery, Sought
from services.api.moments import moment
from services.api.operation import Answer, Api, Call
from shared.domain.identifiers import Channel
from shared.domain.refusal import Refused

_PAGES: Final = Pages(
    "messages",
    {"id": ID, "name": SortKey("name", "text"), "cdate": SortKey("extract(epoch FROM cdate)::float8", "float8")},
)


class NamedMessages(Paging):
    id: Id | None = None
    name: Sought | None = None
    sort: Literal["id", "name", "cdate"] = "id"


class MessageArguments(NamedMessages):
    type: Channel | None = None


class MessageData(TypedDict):
    """``editable``: an edit is a new version, so always. ``used``: a task sends it. ``mdate`` is not known."""

    id: int
    name: str
    type: Channel
    editable: bool
    used: bool
    customoptin: None
    defaultoptin: None
    cdate: float
    mdate: None


async def read_messages(api: Api, caller: Caller, query: NamedMessages, channel: Channel | None) -> Any:
    """The rows of a page and the one behind it, or Refused."""
    filters = (caller.account_id, caller.only_of_user, query.id, channel, query.name)
    return await _PAGES.read(api.database, filters, query, query.sort)


async def find_message(api: Api, caller: Caller, message_id: int, channel: Channel | None = None) -> Any:
    """The row, or Refused."""
    rows = await read_messages(api, caller, NamedMessages(id=message_id), channel)
    return rows if isinstance(rows, Refused) else rows[0] if rows else missing(message_id)


def missing(message_id: int) -> Refused:
    return Refused.not_found(f"there is no message {message_id}")


async def get_messages(api: Api, call: Call[MessageArguments, None]) -> Answer | Refused:
    query = call.query
    rows = await read_messages(api, call.caller, query, query.type)
    return rows if isinstance(rows, Refused) else answer_page([_data(row) for row in rows], query.count, query.sort)


async def get_message(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    row = await find_message(api, call.caller, call.ids[0])
    return row if isinstance(row, Refused) else one(_data(row))


def _data(row: Any) -> MessageData:
    return MessageData(
        id=row["id"],
        name=row["name"],
        type=row["channel"],
        editable=True,
        used=row["used"],
        customoptin=None,
        defaultoptin=None,
        cdate=moment(row["cdate"]),
        mdate=None,
    )


OPERATIONS = (
    operation(
        "GET",
        "/message",
        "The messages the caller may see; 404 if none",
        get_messages,
        list[MessageData],
        query=MessageArguments,
        refusals=(404,),
    ),
    operation("GET", "/message/{message_id}", "One message", get_message, MessageData, refusals=(404,)),
)
