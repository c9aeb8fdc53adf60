"""``/message``: parse, handle, answer."""

from dataclasses import replace

from services.api.authenticate import Caller
from services.api.body import object_body
from services.api.fields import NoQuery
from services.api.operation import WRITERS, Answer, Api, Call, Operation
from services.api.paging import PageQuery, answer_page, read_id_cursor
from services.api.resources.domain.read import from_fault
from services.api.resources.message import preview, read, send_proof
from services.api.resources.message.content import answer_of_state, content_of, edit, links_of
from services.api.resources.message.schema import EmailMessage, MessageAnswer, MessageChange, NewMessage, SmsMessage
from services.api.still_needed import need_of_message
from shared.domain import message
from shared.domain.identifiers import AccountId, Instant, MessageId, UserId, message_stream
from shared.domain.message import CreateMessage, Message, RemoveMessage
from shared.domain.refusal import Fault, Refused
from shared.event_store.handle_command import Aggregate
from shared.event_store.interface import Actor
from shared.event_store.read_models.message import MESSAGES


async def post_message(api: Api, call: Call[NoQuery, EmailMessage | SmsMessage]) -> Answer | Refused:
    caller, wish = call.caller, call.content
    if isinstance(wish, EmailMessage) and (refused := await _refused_from(api, caller, wish.from_email)):
        return refused
    message_id = MessageId(await api.ids.next("message_id"))
    command = CreateMessage(
        message_id=message_id,
        account_id=AccountId(caller.account_id),
        user_id=UserId(caller.user_id),
        channel=wish.channel,
        name=wish.name,
        content=content_of(wish),
        links=links_of(wish),
    )
    done = await api.commands.handle(
        MESSAGES,
        message_stream(message_id),
        command,
        Actor(caller.account_id, caller.user_id),
        fresh=True,
        also=lambda state: call.remember(_created(state)),
    )
    return done if isinstance(done, Refused) else _created(done.state)


def _created(state: Message) -> Answer:
    return Answer(answer_of_state(state), 201, {"Location": f"/message/{state.message_id}"})


async def get_messages(api: Api, call: Call[PageQuery, None]) -> Answer | Refused:
    after = read_id_cursor(call.query.start)
    if isinstance(after, Refused):
        return after
    messages, total = await read.read_page(api.database, call.caller, after, call.query.count)
    return answer_page(call.target, messages, call.query.count, total, lambda last: [last["id"]])


async def get_message(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    (message_id,) = call.ids
    found = await read.read_message(api.database, call.caller, message_id)
    return Answer(found) if found else _missing(message_id)


async def put_message(api: Api, call: Call[NoQuery, MessageChange]) -> Answer | Refused:
    (message_id,) = call.ids
    if await read.read_message(api.database, call.caller, message_id) is None:
        return _missing(message_id)
    if refused := await _refused_from(api, call.caller, call.content.from_email):
        return refused
    stream, actor = message_stream(message_id), Actor(call.caller.account_id, call.caller.user_id)
    async with api.in_turn.turn(stream):
        done = await api.commands.handle(_editing(), stream, call.content, actor)
    return done if isinstance(done, Refused) else Answer(answer_of_state(done.state))


async def delete_message(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    """Answers what it was."""
    (message_id,), caller = call.ids, call.caller
    if await read.read_message(api.database, caller, message_id) is None:
        return _missing(message_id)
    stream, actor = message_stream(MessageId(message_id)), Actor(caller.account_id, caller.user_id)
    async with api.in_turn.turn(stream):
        command = RemoveMessage(await need_of_message(api.database, caller, message_id))
        done = await api.commands.handle(MESSAGES, stream, command, actor)
    return done if isinstance(done, Refused) else Answer(answer_of_state(done.state))


async def _refused_from(api: Api, caller: Caller, from_email: str | None) -> Refused | None:
    fault = await from_fault(api.database, caller.account_id, from_email, api.terms) if from_email else ""
    return Refused.invalid(Fault("from_email", fault)) if fault else None


def _missing(message_id: int) -> Refused:
    return Refused.not_found(f"there is no message {message_id}")


def _editing() -> Aggregate[Message, MessageChange, message.Event]:
    """A partial edit is completed from the very state it is decided on: two at once lose nothing of each other."""

    def decide(state: Message, change: MessageChange, now: Instant) -> list[message.Event] | Refused:
        command = edit(state, change)
        return command if isinstance(command, Refused) else message.decide(state, command, now)

    return replace(MESSAGES, decide=decide)  # type: ignore[arg-type, return-value]  # replace() keeps the old command type


OPERATIONS = (
    Operation("GET", "/message", "The messages the caller may see", get_messages, list[MessageAnswer], query=PageQuery),
    Operation(
        "POST",
        "/message",
        "Write a message",
        post_message,
        MessageAnswer,
        body=object_body(NewMessage),
        status=201,
        refusals=(409, 413, 415),
        roles=WRITERS,
        limit=2_097_152,
    ),
    Operation(
        "GET", "/message/{message_id}", "One message, its newest version", get_message, MessageAnswer, refusals=(404,)
    ),
    Operation(
        "PUT",
        "/message/{message_id}",
        "Edit a message: a new version; tasks that have started keep theirs",
        put_message,
        MessageAnswer,
        body=object_body(MessageChange),
        refusals=(404, 409, 413, 415),
        roles=WRITERS,
        limit=2_097_152,
    ),
    Operation(
        "DELETE",
        "/message/{message_id}",
        "Remove a message that nothing is yet to send; tasks that have sent it still report on it",
        delete_message,
        MessageAnswer,
        refusals=(404, 409),
        roles=WRITERS,
    ),
    *preview.OPERATIONS,
    send_proof.OPERATION,
)
