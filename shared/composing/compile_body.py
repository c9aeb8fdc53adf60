"""One body of a message, cut into what all recipients share and what each one gets. Pure; done once per task.

Conditions, loops and filters are left where they stand, as code: with any in it the body is no longer cut but rendered
(``compile_program``).
"""

import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from shared.domain.message_links import LinkSpan, links_in_html, links_in_text
from shared.domain.template import LIST_NAME, UNSUBSCRIBE_URL, Placeholder, plain_lines
from shared.domain.template_tags import BLOCK, VALUE, Template, read_template
from shared.domain.tokens import TokenKind

HTML_FOOTER: Final = '<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>\n'
TEXT_FOOTER: Final = "\n-- \nUnsubscribe: {{ unsubscribe_url }}\n"

_BODY_END: Final = re.compile(r"</body\s*>", re.IGNORECASE)
_COMMENT: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ValueMark:
    """A place for the recipient's own value."""

    path: tuple[str, ...]
    default: str


@dataclass(frozen=True, slots=True)
class TokenMark:
    """A place for a signed token: the end of a URL, or a Message-ID."""

    kind: TokenKind
    link: int = 0


@dataclass(frozen=True, slots=True)
class CodeMark:
    """A tag in the engine's language, for a body that is rendered."""

    code: str

    @property
    def trims_before(self) -> bool:
        return self.code.startswith((f"{BLOCK[0]}-", f"{VALUE[0]}-"))

    @property
    def trims_behind(self) -> bool:
        return self.code.endswith((f"-{BLOCK[1]}", f"-{VALUE[1]}"))


@dataclass(frozen=True, slots=True)
class FooterMark:
    """What a body that is rendered ends with for whoever was not offered a way to unsubscribe in it."""

    parts: "tuple[str | TokenMark, ...]"


Mark = ValueMark | TokenMark
Part = str | Mark | CodeMark | FooterMark


@dataclass(frozen=True, slots=True)
class BodyContext:
    """What a body is compiled with, besides its own text."""

    tracker_url: str  #: without a slash at its end
    list_name: str
    links: Mapping[str, int]  #: empty: no link is tracked
    open_pixel: bool
    footer: bool  #: a body without a way to unsubscribe gets one


def compile_html(source: str, context: BodyContext) -> list[Part]:
    source = _whole_lines(source)
    end = _end_of_body(source)
    edits = [*_mark_edits(source, context, html.escape), *_link_edits(links_in_html(source), context, html.escape)]
    if context.footer:
        edits += _footer_edit(HTML_FOOTER, end, _COMMENT.sub(_blank, source), context, html.escape)
    if context.open_pixel:
        image: list[Part] = [f'<img src="{html.escape(context.tracker_url)}/o/', TokenMark(TokenKind.OPEN)]
        edits.append(_Edit(end, end, [*image, '" width="1" height="1" alt="">\n']))
    return _apply(source, edits)


def compile_text(source: str, context: BodyContext) -> list[Part]:
    source = _whole_lines(source)
    edits = [*_mark_edits(source, context, str), *_link_edits(links_in_text(source), context, str)]
    if context.footer:
        edits += _footer_edit(TEXT_FOOTER, len(source), source, context, str)
    return _apply(source, edits)


def compile_sms(source: str, context: BodyContext) -> list[Part]:
    """As it was written, to the last character."""
    return _apply(source, [*_mark_edits(source, context, str)])


def compile_line(source: str, list_name: str) -> list[Part]:
    """A header's text. It has no place for a URL, so that an unsubscribe placeholder leaves nothing."""
    context = BodyContext(tracker_url="", list_name=list_name, links={}, open_pixel=False, footer=False)
    return [part for part in _apply(source, [*_mark_edits(source, context, str)]) if not isinstance(part, TokenMark)]


def mentions_unsubscribe(source: str) -> bool:
    """Whether it may offer a way to unsubscribe, be it on a condition."""
    return any(tag.unsubscribes for tag in read_template(source).tags)


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    parts: list[Part]


def _whole_lines(source: str) -> str:
    lines = source.replace("\r\n", "\n").replace("\r", "\n")
    return lines if lines.endswith("\n") else lines + "\n"


def _end_of_body(source: str) -> int:
    """Where everybody's body ends: outside conditions and loops."""
    template = read_template(source)
    ends = [match.start() for match in _BODY_END.finditer(source) if _depth_at(template, match.start()) == 0]
    return ends[-1] if ends else len(source)


def _depth_at(template: Template, position: int) -> int:
    """In how many conditions and loops a position lies; one inside of a tag counts as deep."""
    number = bisect_right(template.tags, position, key=lambda tag: tag.start)
    if not number:
        return 0
    before = template.tags[number - 1]
    return 1 if position < before.end else before.depth


def _footer_edit(
    footer: str, end: int, source: str, context: BodyContext, write: Callable[[str], str]
) -> Iterator[_Edit]:
    """``source``: without what no reader sees."""
    tags = read_template(source).tags
    if any(tag.always_unsubscribes for tag in tags):
        return
    parts = _apply(footer, [*_mark_edits(footer, context, write)])
    if any(tag.unsubscribes for tag in tags):
        # Who is offered a way out and who is not shows only when the body is rendered for him.
        yield _Edit(end, end, [FooterMark(tuple([part for part in parts if isinstance(part, str | TokenMark)]))])
    else:
        yield _Edit(end, end, parts)


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _mark_edits(source: str, context: BodyContext, write: Callable[[str], str]) -> Iterator[_Edit]:
    for tag in read_template(source).tags:
        if tag.placeholder:
            yield _Edit(tag.start, tag.end, _parts_for(tag.placeholder, context, write))
        else:
            yield _Edit(tag.start, tag.end, [CodeMark(tag.code)])


def _parts_for(placeholder: Placeholder, context: BodyContext, write: Callable[[str], str]) -> list[Part]:
    if placeholder.name == UNSUBSCRIBE_URL:
        return [write(f"{context.tracker_url}/u/"), TokenMark(TokenKind.UNSUBSCRIBE)]
    if placeholder.name == LIST_NAME:
        return [write(plain_lines(context.list_name or placeholder.default))]
    return [ValueMark(placeholder.name, placeholder.default)]


def _link_edits(spans: list[LinkSpan], context: BodyContext, write: Callable[[str], str]) -> Iterator[_Edit]:
    for span in spans:
        number = context.links.get(span.url)
        if number is not None:
            yield _Edit(span.start, span.end, [write(f"{context.tracker_url}/c/"), TokenMark(TokenKind.CLICK, number)])


def _apply(source: str, edits: list[_Edit]) -> list[Part]:
    parts: list[Part] = []
    position, trim = 0, False
    for edit in sorted(edits, key=lambda edit: edit.start):
        text, code = source[position : edit.start], [part for part in edit.parts if isinstance(part, CodeMark)]
        text = text.lstrip() if trim else text
        parts += [text.rstrip() if code and code[0].trims_before else text, *edit.parts]
        position, trim = edit.end, bool(code) and code[0].trims_behind
    return [*parts, source[position:].lstrip() if trim else source[position:]]
