"""From what a request says to what a version of a message holds, and back. Pure."""

from collections.abc import Mapping
from typing import Any, cast

from pydantic import TypeAdapter

from services.api.body import validate
from services.api.moments import moment
from services.api.resources.message.schema import EmailMessage, MessageAnswer, MessageChange, NewMessage, SmsMessage
from shared.domain.message import Content, EditMessage, Message
from shared.domain.message_links import extract_links
from shared.domain.refusal import Fault, Refused

_ADAPTER: TypeAdapter[EmailMessage | SmsMessage] = TypeAdapter(NewMessage)


def content_of(message: EmailMessage | SmsMessage) -> Content:
    """What the version holds: everything but what names the message."""
    content: Content = message.model_dump(by_alias=True, exclude={"channel", "name"})
    return content


def links_of(message: EmailMessage | SmsMessage) -> tuple[str, ...]:
    """The urls whose clicks are counted, numbered by their place."""
    if isinstance(message, SmsMessage) or not message.track_clicks:
        return ()
    return tuple(extract_links(message.html, message.text))


def edit(message: Message, change: MessageChange) -> EditMessage | Refused:
    """What the change makes of the message as it is now."""
    given = change.model_dump(by_alias=True, exclude_unset=True)
    if given.pop("channel", message.channel) != message.channel:
        return Refused.invalid(Fault("channel", f"stays {message.channel}: make another message"))
    whole = {"channel": message.channel, "name": message.name, **message.content, **given}
    edited = validate(_ADAPTER, (EmailMessage, SmsMessage), whole, as_text=False)
    if isinstance(edited, list):
        return Refused.invalid(*edited)
    return EditMessage(edited.name, content_of(edited), links_of(edited))


def answer_of_state(message: Message) -> MessageAnswer:
    return message_answer(
        {
            "id": message.message_id,
            "channel": message.channel,
            "name": message.name,
            "version": message.version,
            "content": message.content,
            "user_id": message.user_id,
            "cdate": message.cdate,
        }
    )


def message_answer(row: Mapping[str, Any]) -> MessageAnswer:
    """``row``: id, channel, name, version, content, user_id and cdate (unix seconds)."""
    head = {name: row[name] for name in ("id", "channel", "name", "version")}
    return cast(MessageAnswer, {**head, **row["content"], "user_id": row["user_id"], "cdate": moment(row["cdate"])})
