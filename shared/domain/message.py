"""One message: the content for one channel, in versions. A task keeps the version it started with."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import assert_never

from shared.domain.identifiers import AccountId, Channel, Instant, MessageId, UserId
from shared.domain.refusal import Refused
from shared.domain.still_needed import StillNeeded

#: What a message of its channel holds, as the API shows it: strings, integers and booleans by field name.
Content = Mapping[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class CreateMessage:
    message_id: MessageId
    account_id: AccountId
    user_id: UserId
    channel: Channel
    name: str
    content: Content
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EditMessage:
    name: str
    content: Content
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemoveMessage:
    """``needed``: by what is yet to send it."""

    needed: StillNeeded


Command = CreateMessage | EditMessage | RemoveMessage


@dataclass(frozen=True, slots=True)
class MessageCreated:
    """``links``: the tracked urls, the n-th is link n of the tokens of this version, from 1."""

    message_id: MessageId
    account_id: AccountId
    user_id: UserId
    channel: Channel
    name: str
    content: Content
    links: tuple[str, ...]
    at: Instant


@dataclass(frozen=True, slots=True)
class MessageEdited:
    name: str
    content: Content
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MessageRemoved:
    """Its versions stay, for the tasks that have sent them."""

    at: Instant


Event = MessageCreated | MessageEdited | MessageRemoved


@dataclass(frozen=True, slots=True)
class Message:
    message_id: MessageId = MessageId(0)
    account_id: AccountId = AccountId(0)
    user_id: UserId = UserId(0)
    channel: Channel = "email"
    name: str = ""
    version: int = 0
    content: Content = field(default_factory=dict)
    links: tuple[str, ...] = ()
    cdate: Instant = Instant(0.0)
    removed: bool = False


def decide(message: Message, command: Command, now: Instant) -> list[Event] | Refused:
    match command:
        case CreateMessage(message_id, account_id, user_id, channel, name, content, links):
            if message.version:
                return []
            return [MessageCreated(message_id, account_id, user_id, channel, name, content, links, now)]
        case _ if not message.version or message.removed:
            return Refused.not_found("there is no such message")
        case EditMessage(name, content, links):
            unchanged = (name, content) == (message.name, message.content)
            return [] if unchanged else [MessageEdited(name, content, links)]
        case RemoveMessage(needed):
            return needed.refusal() or [MessageRemoved(now)]
        case _:
            assert_never(command)


def evolve(message: Message, event: Event) -> Message:
    match event:
        case MessageCreated():
            return Message(
                message_id=event.message_id,
                account_id=event.account_id,
                user_id=event.user_id,
                channel=event.channel,
                name=event.name,
                version=1,
                content=event.content,
                links=event.links,
                cdate=event.at,
            )
        case MessageEdited(name, content, links):
            return replace(message, version=message.version + 1, name=name, content=content, links=links)
        case MessageRemoved():
            return replace(message, removed=True)
        case _:
            assert_never(event)


def replay(history: Iterable[Event]) -> Message:
    return reduce(evolve, history, Message())
