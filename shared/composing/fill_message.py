"""Fills a prepared email for one recipient: what a message costs is spent here. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Final

from shared.composing.compile_body import ValueMark
from shared.composing.mail_headers import encode_subject
from shared.composing.prepare_message import PreparedMessage
from shared.composing.quoted_printable import SOFT_BREAK, encode
from shared.domain.email_address import to_envelope
from shared.domain.template import plain_lines, value_in
from shared.domain.tokens import TokenKeys

_NOBODY: Final = b"undisclosed-recipients:;"


@dataclass(frozen=True, slots=True)
class RecipientData:
    email: str
    telephone: str | None
    vars: Mapping[str, object]


def fill(prepared: PreparedMessage, ordinal: int, recipient: RecipientData, tokens: TokenKeys) -> bytes:
    """The whole content for DATA: CRLF lines, none beginning with a dot, without the final dot line.

    Raises nothing for any recipient: a value becomes escaped text wherever it stands, an address that cannot be written
    into an envelope (``to_envelope`` gives None) is not written into To either.
    """
    pieces = list(prepared.pieces)
    pieces[prepared.to] = to_envelope(recipient.email) or _NOBODY
    if prepared.subject_parts:
        pieces[prepared.subject] = _subject(prepared.subject_parts, recipient)
    for value in prepared.values:
        text = plain_lines(value_of(value.path, recipient)) or value.default
        if value.text:
            encoded = encode(text.encode("utf-8", "replace"))
            for place in value.text:
                pieces[place] = encoded
        if value.html:
            encoded = encode(escape(text).encode("utf-8", "replace"))
            for place in value.html:
                pieces[place] = encoded
    for token in prepared.tokens:
        signed = tokens.web(prepared.task_id, ordinal, token.kind, token.link).encode("ascii")
        for place in token.header:
            pieces[place] = signed
        for place in token.body:
            pieces[place] = signed + SOFT_BREAK
    return b"".join(pieces)


def envelope_sender(prepared: PreparedMessage, ordinal: int, tokens: TokenKeys) -> bytes:
    """The VERP address a bounce of this recipient comes back to."""
    return tokens.verp(prepared.task_id, ordinal).encode("ascii") + b"@" + prepared.bounce_domain


def _subject(parts: tuple[str | ValueMark, ...], recipient: RecipientData) -> bytes:
    return encode_subject(
        "".join([part if isinstance(part, str) else value_of(part.path, recipient) or part.default for part in parts])
    )


def value_of(path: tuple[str, ...], recipient: RecipientData) -> str:
    if path[0] == "vars":
        return value_in(recipient.vars, path[1:])
    return recipient.email if path[0] == "email" else recipient.telephone or ""
