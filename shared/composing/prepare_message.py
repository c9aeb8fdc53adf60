"""Prepares a task's email: done once, so that a recipient's copy is only a join of octets. Pure.

Everything in the headers is a function of (task, ordinal) and of what was frozen when the task started, so that each
retry repeats them octet for octet. The parts are quoted-printable UTF-8, cut at the places where recipients differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from shared.composing.compile_body import (
    BodyContext,
    Mark,
    Part,
    TokenMark,
    ValueMark,
    compile_html,
    compile_line,
    compile_text,
    mentions_unsubscribe,
)
from shared.composing.compile_program import CompiledProgram, compile_program, needs_program
from shared.composing.mail_headers import FOLD, encode_name, encode_subject, format_date
from shared.composing.quoted_printable import SOFT_BREAK, encode_text
from shared.composing.text_from_html import text_from_html
from shared.domain.email_address import to_envelope
from shared.domain.email_content import EmailContent, find_problems
from shared.domain.template import plain_lines
from shared.domain.tokens import TokenKind

_EVERYWHERE: Final = ("header", "html", "text")

LARGEST: Final = 16 * 1024 * 1024  #: octets of a message; hardly a relay takes more
LONGEST_VALUE: Final = 7 * 65_536  #: octets of the longest value, escaped, encoded and on short lines


@dataclass(frozen=True, slots=True)
class SendContext:
    """What was settled when the task started."""

    task_id: int
    account_id: int
    tracker_url: str  #: public base of pixel, link and unsubscribe URLs, http or https
    message_id_domain: str
    bounce_domain: str
    date: float  #: unix seconds of the task's start
    list_name: str  #: empty for a task that goes to a search
    links: Mapping[str, int]  #: number of each tracked url, from 1


@dataclass(frozen=True, slots=True)
class ValueSlot:
    """A recipient's value, and the pieces it fills."""

    path: tuple[str, ...]
    default: str
    html: tuple[int, ...]
    text: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TokenSlot:
    """A token, and the pieces it fills."""

    kind: TokenKind
    link: int
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ProgramSlot:
    """A body that is rendered, and the piece it fills."""

    program: CompiledProgram[bytes]
    escaped: bool  #: html
    place: int


@dataclass(frozen=True, slots=True)
class PreparedMessage:
    """``pieces`` joined are the message; those that a slot names are empty until they are filled."""

    task_id: int
    list_name: str
    bounce_domain: bytes
    pieces: tuple[bytes, ...]
    to: int
    subject: int
    subject_parts: tuple[str | ValueMark, ...]  #: empty: the subject is the same for all and stands in its piece,
    subject_program: CompiledProgram[str] | None  #: or it is rendered
    values: tuple[ValueSlot, ...]
    tokens: tuple[TokenSlot, ...]
    programs: tuple[ProgramSlot, ...]
    fixed_octets: int  #: of the pieces that are the same for all
    simple: bool  #: filling its places is all there is to do, and no value can make it longer than LARGEST


def prepare(content: EmailContent, context: SendContext) -> PreparedMessage:
    """ValueError if the content has problems (``email_problems``) or a domain cannot be written into an address."""
    problems = find_problems(content)
    if problems:
        raise ValueError("; ".join(f"{name}: {fault}" for name, fault in problems))
    pieces = _Pieces()
    to, subject = _add_headers(pieces, content, context)
    _add_bodies(pieces, content, context)
    line = compile_line(content.subject, context.list_name)
    subject_program = compile_program(line, str, escaped=False) if needs_program(line) else None
    subject_parts = [part for part in line if isinstance(part, str | ValueMark)]
    if all(isinstance(part, str) for part in line):
        pieces.octets[subject] = encode_subject("".join(part for part in line if isinstance(part, str)))
        subject_parts = []
    return PreparedMessage(
        task_id=context.task_id,
        list_name=plain_lines(context.list_name),
        bounce_domain=_domain(context.bounce_domain),
        pieces=tuple(pieces.octets),
        to=to,
        subject=subject,
        subject_parts=() if subject_program else tuple(subject_parts),
        subject_program=subject_program,
        values=tuple(pieces.value_slots()),
        tokens=tuple(pieces.token_slots()),
        programs=tuple(pieces.programs),
        fixed_octets=sum(map(len, pieces.octets)),
        simple=not pieces.programs and not subject_program and pieces.longest() <= LARGEST,
    )


@dataclass(slots=True)
class _Pieces:
    """The message while it is being put together."""

    octets: list[bytes] = field(default_factory=list)
    holes: dict[tuple[str, Mark], list[int]] = field(default_factory=dict)  #: places by (where, what)
    programs: list[ProgramSlot] = field(default_factory=list)
    _fixed_end: bool = False

    def add(self, octets: bytes) -> None:
        if self._fixed_end:
            self.octets[-1] += octets
        else:
            self.octets.append(octets)
            self._fixed_end = True

    def hole(self) -> int:
        self.octets.append(b"")
        self._fixed_end = False
        return len(self.octets) - 1

    def mark(self, where: str, mark: Mark) -> None:
        self.holes.setdefault((where, mark), []).append(self.hole())

    def longest(self) -> int:
        """Octets of the longest message there can be, without programs."""
        values = sum(len(places) for (_, mark), places in self.holes.items() if isinstance(mark, ValueMark))
        return sum(map(len, self.octets)) + values * LONGEST_VALUE

    def value_slots(self) -> list[ValueSlot]:
        marks = dict.fromkeys(mark for _, mark in self.holes if isinstance(mark, ValueMark))
        return [
            ValueSlot(mark.path, plain_lines(mark.default), self._places("html", mark), self._places("text", mark))
            for mark in marks
        ]

    def token_slots(self) -> list[TokenSlot]:
        marks = dict.fromkeys(mark for _, mark in self.holes if isinstance(mark, TokenMark))
        return [
            TokenSlot(mark.kind, mark.link, tuple(n for where in _EVERYWHERE for n in self._places(where, mark)))
            for mark in marks
        ]

    def _places(self, where: str, mark: Mark) -> tuple[int, ...]:
        return tuple(self.holes.get((where, mark), ()))


def _add_headers(pieces: _Pieces, content: EmailContent, context: SendContext) -> tuple[int, int]:
    """Returns the pieces of To and Subject."""
    pieces.add(b"From: " + _mailbox(content.from_name, content.from_email) + b"\r\nTo: ")
    to = pieces.hole()
    pieces.add(b"\r\nSubject: ")
    subject = pieces.hole()
    pieces.add(b"\r\nDate: " + format_date(context.date) + b"\r\nMessage-ID: <")
    pieces.mark("header", TokenMark(TokenKind.MESSAGE))
    pieces.add(b"@" + _domain(context.message_id_domain) + b">\r\n")
    if content.reply_to:
        pieces.add(b"Reply-To: " + _address(content.reply_to) + b"\r\n")
    if content.marketing or mentions_unsubscribe(content.html or "") or mentions_unsubscribe(content.text or ""):
        pieces.add(b"List-Unsubscribe: <" + _tracker_url(context).encode("ascii") + b"/u/")
        pieces.mark("header", TokenMark(TokenKind.UNSUBSCRIBE))
        pieces.add(b">\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")
    kind = "marketing" if content.marketing else "service"
    pieces.add(f"Feedback-ID: {context.task_id}:{context.account_id}:{kind}:postroom\r\n".encode("ascii"))
    pieces.add(b"MIME-Version: 1.0\r\n")
    return to, subject


def _add_bodies(pieces: _Pieces, content: EmailContent, context: SendContext) -> None:
    body = BodyContext(
        tracker_url=_tracker_url(context),
        list_name=context.list_name,
        links=context.links if content.track_clicks else {},
        open_pixel=content.track_opens,
        footer=content.marketing,
    )
    text = compile_text(content.text or text_from_html(content.html or ""), body)
    if not content.html:
        _add_body(pieces, "text", text)
        return
    html = compile_html(content.html, body)
    # The equals sign and underscore never meet in quoted-printable, so that no body can hold the boundary.
    boundary = b"=_" + blake2b(b"%d" % context.task_id, digest_size=12, person=b"boundary").hexdigest().encode("ascii")
    pieces.add(b'Content-Type: multipart/alternative;\r\n boundary="' + boundary + b'"\r\n\r\n')
    for where, parts in (("text", text), ("html", html)):
        pieces.add(b"--" + boundary + b"\r\n")
        _add_body(pieces, where, parts)
        pieces.add(b"\r\n")
    pieces.add(b"--" + boundary + b"--\r\n")


def _add_body(pieces: _Pieces, where: str, parts: list[Part]) -> None:
    subtype = b"plain" if where == "text" else b"html"
    pieces.add(
        b"Content-Type: text/" + subtype + b"; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    )
    if needs_program(parts):
        escaped = where == "html"
        program = compile_program(parts, encode_text, escaped=escaped)
        pieces.programs.append(ProgramSlot(program, escaped, pieces.hole()))
        return
    literal = ""
    for part in parts:
        if isinstance(part, ValueMark | TokenMark):
            pieces.add(encode_text(literal))
            pieces.mark(where, part)
            # A value brings a line break of its own, a token is nothing but its letters.
            literal = ""
            if isinstance(part, TokenMark):
                pieces.add(SOFT_BREAK)
        elif isinstance(part, str):
            literal += part
    pieces.add(encode_text(literal))


def _mailbox(name: str, email: str) -> bytes:
    if not name.strip():
        return _address(email)
    written, address = encode_name(name), b"<" + _address(email) + b">"
    return written + (b" " if len(written) + len(address) < 68 else FOLD) + address


def _address(email: str) -> bytes:
    address = to_envelope(email)
    if address is None:
        raise ValueError(f"{email!r} is no email address")
    return address


def _domain(domain: str) -> bytes:
    return _address(f"postmaster@{domain}").partition(b"@")[2]


def _tracker_url(context: SendContext) -> str:
    return context.tracker_url.rstrip("/")
