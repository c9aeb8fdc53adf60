"""Raw messages into what a person sees: headers, text, html. Pure, and lenient: a broken mail shows what it has."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from typing import Any

import orjson

from shared.domain.identifiers import Channel
from shared.domain.sms_parts import count_parts


@dataclass(frozen=True, slots=True)
class Mail:
    """``text`` and ``html`` are None where the mail has no such part. An SMS has a text, and as headers what came with
    it.
    """

    headers: dict[str, str] = field(default_factory=dict)  #: by name as written; a repeated one has its values on lines
    text: str | None = None
    html: str | None = None

    def header(self, name: str) -> str:
        """Its value, without regard to case; empty when it is missing."""
        return next((value for known, value in self.headers.items() if known.lower() == name.lower()), "")


def read_message(channel: Channel, content: bytes) -> Mail:
    return read_sms(content) if channel == "sms" else read_mail(content)


def read_sms(content: bytes) -> Mail:
    """``content``: the request that brought it."""
    sms = orjson.loads(content)
    counted = count_parts(sms["body"])
    parts = f"{counted.parts} in {counted.encoding}"
    return Mail({"From": sms["from"], "To": sms["to"], "Id": sms["id"], "Parts": parts}, text=sms["body"])


def read_mail(content: bytes) -> Mail:
    message = message_from_bytes(content)
    return Mail(_headers(message), _body(message, "text/plain"), _body(message, "text/html"))


def _headers(message: "Message[str, str]") -> dict[str, str]:
    found: dict[str, str] = {}
    names: dict[str, str] = {}
    for name, value in message.raw_items():
        shown = names.setdefault(name.lower(), _sayable(name))
        text = _decoded(str(value))
        found[shown] = f"{found[shown]}\n{text}" if shown in found else text
    return found


def _decoded(value: str) -> str:
    unfolded = value.replace("\r\n", "").replace("\n", "").strip()
    try:
        return _sayable(str(make_header(decode_header(unfolded))))
    except (HeaderParseError, LookupError, ValueError):
        return _sayable(unfolded)


def _sayable(text: str) -> str:
    """Octets that were read as they are count as UTF-8; what no text can hold is replaced."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()


def _body(message: "Message[str, str]", content_type: str) -> str | None:
    part = next(_parts(message, content_type), None)
    if part is None:
        return None
    payload: Any = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return None
    try:
        return _sayable(payload.decode(part.get_content_charset("utf-8"), "replace"))
    except (LookupError, ValueError):  # no charset, or one that is none for text
        return payload.decode("utf-8", "replace")


def _parts(message: "Message[str, str]", content_type: str) -> Iterator["Message[str, str]"]:
    for part in message.walk():
        if part.get_content_type() == content_type and part.get_content_disposition() != "attachment":
            yield part
