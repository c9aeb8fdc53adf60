"""``/message/:id/preview``: what a recipient would get. Nothing is sent, kept or counted."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NotRequired

from typing_extensions import TypedDict

from services.api.body import object_body
from services.api.fields import Email, Id, NoQuery, RequestModel, Telephone, Vars
from services.api.operation import Answer, Api, Call, Operation
from services.api.resources.message import read
from services.api.resources.message.schema import MessageAnswer
from shared.composing.fill_message import RecipientData
from shared.composing.prepare_message import SendContext
from shared.composing.preview_message import Problem, preview_email, preview_sms, sample_recipient
from shared.domain.email_content import EmailContent
from shared.domain.identifiers import Channel
from shared.domain.refusal import Fault, Refused
from shared.domain.sms_parts import Encoding

_TEMPLATES = ("subject", "html", "text", "body")


class PreviewQuery(RequestModel):
    """Whose values are shown; without him made-up ones."""

    subscriber_id: Id | None = None


class PreviewRecipient(RequestModel):
    """Somebody who need not exist: an address that is not given is made up, a value that is not given he has not."""

    email: Email | None = None
    telephone: Telephone | None = None
    vars: Vars | None = None


class PreviewFault(TypedDict):
    field: str
    message: str


class PreviewAnswer(TypedDict):
    """The fields of the other channel are left out. What could not be made is null, and ``faults`` say why."""

    channel: Channel
    version: int
    faults: list[PreviewFault]
    text: str | None
    headers: NotRequired[dict[str, str]]
    subject: NotRequired[str | None]
    html: NotRequired[str | None]
    size: NotRequired[int | None]
    sender: NotRequired[str]
    encoding: NotRequired[Encoding | None]
    parts: NotRequired[int | None]
    units: NotRequired[int | None]
    forced_by: NotRequired[list[str]]


async def get_preview(api: Api, call: Call[PreviewQuery, None]) -> Answer | Refused:
    message = await _message(api, call)
    if isinstance(message, Refused):
        return message
    if call.query.subscriber_id is None:
        sources = [text for name in _TEMPLATES if isinstance(text := message.get(name), str)]
        return _answer(api, call, message, sample_recipient(sources))
    row = await read.read_recipient(api.database, call.caller, call.query.subscriber_id)
    if row is None:
        return Refused.invalid(Fault("subscriber_id", "there is no such subscriber"))
    return _answer(api, call, message, RecipientData(row["email"] or "", row["telephone"], row["vars"] or {}))


async def post_preview(api: Api, call: Call[NoQuery, PreviewRecipient]) -> Answer | Refused:
    message, given = await _message(api, call), call.content
    if isinstance(message, Refused):
        return message
    sample = sample_recipient(())
    email, telephone = given.email or sample.email, given.telephone or sample.telephone
    return _answer(api, call, message, RecipientData(email, telephone, given.vars or {}))


async def _message(api: Api, call: Call[Any, Any]) -> MessageAnswer | Refused:
    (message_id,) = call.ids
    message = await read.read_message(api.database, call.caller, message_id)
    return message or Refused.not_found(f"there is no message {message_id}")


def _answer(api: Api, call: Call[Any, Any], message: MessageAnswer, recipient: RecipientData) -> Answer:
    context = SendContext(
        task_id=0,
        account_id=call.caller.account_id,
        tracker_url=api.tracker_url,
        message_id_domain="example.com",
        bounce_domain="example.com",
        date=api.now(),
        list_name="[list.name]",
        links={},
    )
    previewed = _sms if message["channel"] == "sms" else _email
    head = {"channel": message["channel"], "version": message["version"]}
    return Answer({**head, **previewed(message, context, recipient)})


def _email(message: Mapping[str, Any], context: SendContext, recipient: RecipientData) -> dict[str, object]:
    content = EmailContent(
        subject=message["subject"],
        from_name=message["from_name"] or "",
        from_email=message["from_email"],
        reply_to=message["reply_to"],
        html=message["html"],
        text=message["text"],
        track_opens=message["track_opens"],
        track_clicks=message["track_clicks"],
        marketing=message["class"] == "marketing",
    )
    context = replace(context, message_id_domain=content.from_email.rpartition("@")[2])
    preview = preview_email(content, context, recipient)
    return {
        "subject": preview.headers.get("Subject"),
        "headers": preview.headers,
        "text": preview.text,
        "html": preview.html,
        "size": preview.size,
        "faults": _faults(preview.faults),
    }


def _sms(message: Mapping[str, Any], context: SendContext, recipient: RecipientData) -> dict[str, object]:
    preview = preview_sms(message["sender"], message["body"], context, recipient)
    counted = preview.parts
    return {
        "sender": message["sender"],
        "text": preview.text,
        "encoding": counted and counted.encoding,
        "parts": counted and counted.parts,
        "units": counted and counted.units,
        "forced_by": list(counted.forced_by) if counted else [],
        "faults": _faults(preview.faults),
    }


def _faults(problems: tuple[Problem, ...]) -> list[PreviewFault]:
    return [{"field": field, "message": sentence} for field, sentence in problems]


OPERATIONS = (
    Operation(
        "GET",
        "/message/{message_id}/preview",
        "What a subscriber would get, or somebody made up; nothing is sent",
        get_preview,
        PreviewAnswer,
        query=PreviewQuery,
        refusals=(404,),
    ),
    Operation(
        "POST",
        "/message/{message_id}/preview",
        "What a recipient with these values would get; nothing is sent or kept",
        post_preview,
        PreviewAnswer,
        body=object_body(PreviewRecipient),
        refusals=(404, 413, 415),
    ),
)
