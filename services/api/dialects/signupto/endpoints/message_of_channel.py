"""``/v1/emailMessage`` and ``/v1/smsMessage``: content, read and written by the commands of ``/message``."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BeforeValidator
from typing_extensions import TypedDict

from services.api.dialects.signupto.arguments import answer_page
from services.api.dialects.signupto.bodies import loose_body
from services.api.dialects.signupto.endpoints.list import Nothing
from services.api.dialects.signupto.endpoints.message import NamedMessages, find_message, read_messages
from services.api.dialects.signupto.envelope import Deleted, many, one
from services.api.dialects.signupto.message_words import WORDS, faults_in_words, refused_in_words, to_native
from services.api.dialects.signupto.native import ById, about, carry_out, named, operation
from services.api.fields import Email, Flag, Id, Name, RequestModel, empty_is_null
from services.api.moments import moment
from services.api.operation import WRITERS, Answer, Api, Call, Operation
from services.api.resources.message import routes
from services.api.resources.message.schema import (
    EmailMessage,
    LineTemplate,
    MessageChange,
    Sender,
    SmsMessage,
    SmsText,
    TextTemplate,
)
from shared.domain.identifiers import Channel
from shared.domain.refusal import Fault, Refused

_Null = BeforeValidator(empty_is_null)


class _EmailWords(RequestModel):
    galinkdata: Nothing = None
    friendlink: Nothing = None


class NewEmailMessage(_EmailWords):
    name: Name
    subject: LineTemplate
    fromname: Annotated[LineTemplate | None, _Null] = None
    fromemail: Email
    replyemail: Annotated[Email | None, _Null] = None
    html: Annotated[TextTemplate | None, _Null] = None
    text: Annotated[TextTemplate | None, _Null] = None
    tracktextlinks: Flag = True

    @classmethod
    def faults_between(cls, given: dict[str, object]) -> list[Fault]:
        said = {"channel": "email", **to_native("email", given)}
        return faults_in_words("email", EmailMessage.faults_between(said))


class EmailMessageChange(_EmailWords):
    id: Id | None = None
    name: Name | None = None
    subject: LineTemplate | None = None
    fromname: Annotated[LineTemplate | None, _Null] = None
    fromemail: Email | None = None
    replyemail: Annotated[Email | None, _Null] = None
    html: Annotated[TextTemplate | None, _Null] = None
    text: Annotated[TextTemplate | None, _Null] = None
    tracktextlinks: Flag | None = None


class NewSmsMessage(RequestModel):
    name: Name
    fromname: Sender
    message: SmsText
    subinfo: Nothing = None


class SmsMessageChange(RequestModel):
    id: Id | None = None
    name: Name | None = None
    fromname: Sender | None = None
    message: SmsText | None = None
    subinfo: Nothing = None


class EmailMessageData(TypedDict):
    id: int
    name: str
    subject: str
    fromname: str | None
    fromemail: str
    replyemail: str | None
    html: str | None
    text: str | None
    editable: bool
    tracktextlinks: bool
    galinkdata: None
    friendlink: None
    cdate: float


class SmsMessageData(TypedDict):
    id: int
    name: str
    fromname: str
    message: str
    subinfo: None
    editable: bool
    used: bool
    cdate: float


def _data(channel: Channel, found: Any) -> dict[str, Any]:
    """``found``: a row, or a native answer."""
    content = found.get("content", found)
    said = {word: content[theirs] for word, theirs in WORDS[channel].items() if word != "name"}
    nothing = {"galinkdata": None, "friendlink": None} if channel == "email" else {"subinfo": None}
    own = {} if channel == "email" else {"used": found["used"]}
    head = {"id": found["id"], "name": found["name"]}
    return {**head, **said, "editable": True, **nothing, **own, "cdate": moment(found["cdate"])}


@dataclass(frozen=True, slots=True)
class OfChannel:
    """The same for both channels. ``native``: the model of a new message there."""

    channel: Channel
    path: str
    native: Any

    async def get_all(self, api: Api, call: Call[NamedMessages, None]) -> Answer | Refused:
        query = call.query
        rows = await read_messages(api, call.caller, query, self.channel)
        if isinstance(rows, Refused):
            return rows
        return answer_page([_data(self.channel, row) for row in rows], query.count, query.sort)

    async def get(self, api: Api, call: Call[Any, None]) -> Answer | Refused:
        row = await find_message(api, call.caller, call.ids[0], self.channel)
        return row if isinstance(row, Refused) else one(_data(self.channel, row))

    async def post(self, api: Api, call: Call[Any, Any]) -> Answer | Refused:
        content = self.native.model_construct(
            channel=self.channel, **to_native(self.channel, call.content.model_dump())
        )

        def spell(made: Any) -> Answer:
            return one(_data(self.channel, {"used": False, **made}), 202)

        done = await carry_out(routes.post_message, api, call, spell, content=content)
        return refused_in_words(self.channel, done) if isinstance(done, Refused) else done

    async def put(self, api: Api, call: Call[ById, Any]) -> Answer | Refused:
        message_id = named(call)
        if message_id is None:
            return Refused.invalid(Fault("id", "is required"))
        row = await find_message(api, call.caller, message_id, self.channel)
        if isinstance(row, Refused):
            return row
        said = to_native(self.channel, call.content.model_dump(exclude_unset=True))

        def spell(made: Any) -> Answer:
            changed = _data(self.channel, {"used": row["used"], **made})
            return one(changed) if call.ids else many([changed])

        content = MessageChange.model_construct(**said)
        done = await carry_out(routes.put_message, api, call, spell, ids=(message_id,), content=content)
        return about(refused_in_words(self.channel, done), message_id) if isinstance(done, Refused) else done

    async def delete(self, api: Api, call: Call[ById, None]) -> Answer | Refused:
        message_id = named(call)
        if message_id is None:
            return Refused.invalid(Fault("id", "is required"))
        row = await find_message(api, call.caller, message_id, self.channel)
        if isinstance(row, Refused):
            return row

        def gone(removed: Any) -> Answer:
            return many([Deleted(id=removed["id"])])

        done = await carry_out(routes.delete_message, api, call, gone, ids=(message_id,))
        return about(done, message_id) if isinstance(done, Refused) else done

    def operations(self, new: type[RequestModel], change: type[RequestModel], data: Any) -> tuple[Any, ...]:
        kind, path, one_path = self.channel, self.path, f"{self.path}/{{message_id}}"
        writing: dict[str, Any] = {"roles": WRITERS, "limit": 2_097_152}
        posting = {"body": loose_body(new), "status": 202, "refusals": (409, 413, 415), **writing}
        putting = {"query": ById, "body": loose_body(change), "refusals": (404, 409, 413, 415), **writing}
        reading = {"query": NamedMessages, "refusals": (404,)}
        removing: dict[str, Any] = {"query": ById, "refusals": (404, 409), "roles": WRITERS}
        return (
            operation("GET", path, f"The {kind} messages; 404 if none", self.get_all, list[data], **reading),
            operation("GET", one_path, f"One {kind} message", self.get, data, refusals=(404,)),
            operation("POST", path, f"Write an {kind} message", self.post, data, **posting),
            operation("PUT", path, f"Edit the {kind} message whose id is in the body", self.put, list[data], **putting),
            operation("PUT", one_path, f"Edit an {kind} message", self.put, data, **putting),
            operation("DELETE", path, f"Remove the {kind} message of this id", self.delete, list[Deleted], **removing),
            operation("DELETE", one_path, f"Remove an {kind} message", self.delete, list[Deleted], **removing),
        )


OPERATIONS: Final[tuple[Operation[Any, Any], ...]] = (
    *OfChannel("email", "/emailMessage", EmailMessage).operations(
        NewEmailMessage, EmailMessageChange, EmailMessageData
    ),
    *OfChannel("sms", "/smsMessage", SmsMessage).operations(NewSmsMessage, SmsMessageChange, SmsMessageData),
)
