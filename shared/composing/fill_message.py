"""Fills a prepared email for one recipient: what a message costs is spent here. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from html import escape
from typing import Final, NamedTuple, Protocol

from shared.composing.compile_body import Mark, TokenMark, ValueMark
from shared.composing.mail_headers import encode_subject
from shared.composing.prepare_message import LARGEST, PreparedMessage, ProgramSlot, ValueSlot
from shared.composing.quoted_printable import SOFT_BREAK, encode_text
from shared.composing.template_engine import Unrenderable, names_for
from shared.domain.email_address import to_envelope
from shared.domain.template import plain_lines, value_in
from shared.domain.token_letters import MOST_AT_ONCE
from shared.domain.tokens import TokenKeys, TokenKind

TOO_LARGE: Final = f"the message would have more than {LARGEST:,} octets"

_NOBODY: Final = b"undisclosed-recipients:;"


class RecipientData(NamedTuple):
    email: str
    telephone: str | None
    vars: Mapping[str, object]


class Tokens(Protocol):
    """``TokenKeys``, or what stands for them where nothing is sent."""

    def web(self, task: int, ordinal: int, kind: TokenKind, link: int = 0) -> str: ...


def fill(prepared: PreparedMessage, ordinal: int, recipient: RecipientData, tokens: Tokens) -> bytes:
    """The whole content for DATA: CRLF lines, none beginning with a dot, without the final dot line.

    A value becomes escaped text wherever it stands, an address that cannot be written into an envelope (``to_envelope``
    gives None) is not written into To either. Raises Unrenderable when a condition or loop takes too much for this
    recipient, and nothing else for any.
    """
    signed = [tokens.web(prepared.task_id, ordinal, slot.kind, slot.link).encode("ascii") for slot in prepared.tokens]
    return fill_signed(prepared, ordinal, to_envelope(recipient.email) or _NOBODY, recipient, signed, tokens)


def fill_signed(
    prepared: PreparedMessage,
    ordinal: int,
    to: bytes,
    recipient: RecipientData,
    signed: Sequence[bytes],
    tokens: Tokens,
) -> bytes:
    """The same for whoever has made ready what goes into To, and the tokens of ``prepared.tokens``."""
    pieces = list(prepared.pieces)
    pieces[prepared.to] = to
    if prepared.subject_parts:
        pieces[prepared.subject] = _subject(prepared.subject_parts, recipient)
    _fill_values(prepared.values, pieces, recipient)
    for slot, token in zip(prepared.tokens, signed, strict=True):
        for place in slot.places:
            pieces[place] = token
    if not prepared.simple:
        _render(prepared, pieces, ordinal, recipient, tokens)
        _check_length(prepared, pieces)
    return b"".join(pieces)


def _fill_values(values: tuple[ValueSlot, ...], pieces: list[bytes], recipient: RecipientData) -> None:
    for value in values:
        text = plain_lines(value_of(value.path, recipient)) or value.default
        encoded = encode_text(text)
        for place in value.text:
            pieces[place] = encoded
        if value.html:
            # Nearly always the same as in the text.
            escaped = escape(text)
            encoded = encoded if escaped == text else encode_text(escaped)
            for place in value.html:
                pieces[place] = encoded


def _render(
    prepared: PreparedMessage, pieces: list[bytes], ordinal: int, recipient: RecipientData, tokens: Tokens
) -> None:
    """The subject and the bodies that are not merely cut."""
    names = names_of(recipient, prepared.list_name)
    if prepared.subject_program:
        line = prepared.subject_program.render(names, str, lambda mark: _in_line(mark, recipient))
        pieces[prepared.subject] = encode_subject("".join(line))
    for slot in prepared.programs:
        fill_mark = partial(_in_body, slot, prepared.task_id, ordinal, recipient, tokens)
        rendered = slot.program.render(names, encode_text, fill_mark)
        # What stands in a loop costs no step of the engine, so it is counted here.
        if sum(map(len, rendered)) > LARGEST:
            raise Unrenderable(TOO_LARGE)
        pieces[slot.place] = b"".join(rendered)


def _in_body(
    slot: ProgramSlot, task_id: int, ordinal: int, recipient: RecipientData, tokens: Tokens, mark: Mark
) -> bytes:
    if isinstance(mark, TokenMark):
        return tokens.web(task_id, ordinal, mark.kind, mark.link).encode("ascii") + SOFT_BREAK
    text = plain_lines(value_of(mark.path, recipient)) or plain_lines(mark.default)
    return encode_text(escape(text) if slot.escaped else text)


def _in_line(mark: Mark, recipient: RecipientData) -> str:
    return value_of(mark.path, recipient) or mark.default if isinstance(mark, ValueMark) else ""


def _check_length(prepared: PreparedMessage, pieces: list[bytes]) -> None:
    """Before they are joined: till then a value that stands in many places is there once. Raises Unrenderable."""
    places = [place for value in prepared.values for place in (value.html, value.text) if place]
    repeated = sum([len(pieces[place[0]]) * len(place) for place in places])
    rendered = sum([len(pieces[slot.place]) for slot in prepared.programs])
    if prepared.fixed_octets + repeated + rendered > LARGEST:
        raise Unrenderable(TOO_LARGE)


def names_of(recipient: RecipientData, list_name: str) -> dict[str, object]:
    """What a template with conditions, loops or filters can ask for."""
    return names_for(recipient.email, recipient.telephone or "", list_name, recipient.vars)


def envelope_sender(prepared: PreparedMessage, ordinal: int, tokens: TokenKeys) -> bytes:
    """The VERP address a bounce of this recipient comes back to."""
    return next(signed_ahead(prepared, [ordinal], tokens))[0]


def signed_ahead(
    prepared: PreparedMessage, ordinals: Sequence[int], tokens: TokenKeys
) -> Iterator[tuple[bytes, list[bytes]]]:
    """For each ordinal its envelope's sender and the tokens of ``prepared.tokens``: signed many at a time."""
    contents, domain = [(slot.kind, slot.link) for slot in prepared.tokens], b"@" + prepared.bounce_domain
    for first in range(0, len(ordinals), MOST_AT_ONCE):
        some = ordinals[first : first + MOST_AT_ONCE]
        senders = [name + domain for name in tokens.verp_of_many(prepared.task_id, some)]
        yield from zip(senders, tokens.web_of_many(prepared.task_id, some, contents), strict=True)


def _subject(parts: tuple[str | ValueMark, ...], recipient: RecipientData) -> bytes:
    return encode_subject(
        "".join([part if isinstance(part, str) else value_of(part.path, recipient) or part.default for part in parts])
    )


def value_of(path: tuple[str, ...], recipient: RecipientData) -> str:
    if path[0] == "vars":
        return value_in(recipient.vars, path[1:])
    return recipient.email if path[0] == "email" else recipient.telephone or ""
