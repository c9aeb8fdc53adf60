"""The attributes of a message by their names in this dialect and in the native one. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from shared.domain.identifiers import Channel
from shared.domain.refusal import Fault, Refused

#: Ours to theirs.
WORDS: Final[Mapping[Channel, Mapping[str, str]]] = {
    "email": {
        "name": "name",
        "subject": "subject",
        "fromname": "from_name",
        "fromemail": "from_email",
        "replyemail": "reply_to",
        "html": "html",
        "text": "text",
        "tracktextlinks": "track_clicks",
    },
    "sms": {"name": "name", "fromname": "sender", "message": "body"},
}


def to_native(channel: Channel, given: Mapping[str, Any]) -> dict[str, Any]:
    """What is not said in this dialect alone."""
    return {WORDS[channel][name]: value for name, value in given.items() if name in WORDS[channel]}


def faults_in_words(channel: Channel, faults: tuple[Fault, ...] | list[Fault]) -> list[Fault]:
    ours = {theirs: word for word, theirs in WORDS[channel].items()}
    return [replace(fault, field=ours.get(fault.field, fault.field)) for fault in faults]


def refused_in_words(channel: Channel, refused: Refused) -> Refused:
    return replace(refused, faults=tuple(faults_in_words(channel, refused.faults)))
