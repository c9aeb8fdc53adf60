"""One body of an email, cut into what all recipients share and what each one gets. Pure; done once per task."""

import html
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from shared.domain.message_links import LinkSpan, links_in_html, links_in_text
from shared.domain.template import LIST_NAME, UNSUBSCRIBE_URL, Placeholder, find_placeholders, plain_lines
from shared.domain.tokens import TokenKind

HTML_FOOTER: Final = '<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>\n'
TEXT_FOOTER: Final = "\n-- \nUnsubscribe: {{ unsubscribe_url }}\n"

_BODY_END: Final = re.compile(r"</body\s*>", re.IGNORECASE)


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


Mark = ValueMark | TokenMark
Part = str | Mark


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
    if context.footer and not offers_unsubscribe(source):
        end = _end_of_body(source)
        source = source[:end] + HTML_FOOTER + source[end:]
    edits = [*_mark_edits(source, context, html.escape), *_link_edits(links_in_html(source), context, html.escape)]
    if context.open_pixel:
        end = _end_of_body(source)
        image: list[Part] = [f'<img src="{html.escape(context.tracker_url)}/o/', TokenMark(TokenKind.OPEN)]
        edits.append(_Edit(end, end, [*image, '" width="1" height="1" alt="">\n']))
    return _apply(source, edits)


def compile_text(source: str, context: BodyContext) -> list[Part]:
    source = _whole_lines(source)
    if context.footer and not offers_unsubscribe(source):
        source += TEXT_FOOTER
    return _apply(source, [*_mark_edits(source, context, str), *_link_edits(links_in_text(source), context, str)])


def compile_sms(source: str, context: BodyContext) -> list[Part]:
    """As it was written, to the last character."""
    return _apply(source, [*_mark_edits(source, context, str)])


def offers_unsubscribe(source: str) -> bool:
    return any(placeholder.name == UNSUBSCRIBE_URL for placeholder in find_placeholders(source)[0])


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    parts: list[Part]


def _whole_lines(source: str) -> str:
    lines = source.replace("\r\n", "\n").replace("\r", "\n")
    return lines if lines.endswith("\n") else lines + "\n"


def _end_of_body(source: str) -> int:
    ends = [match.start() for match in _BODY_END.finditer(source)]
    return ends[-1] if ends else len(source)


def _mark_edits(source: str, context: BodyContext, write: Callable[[str], str]) -> Iterator[_Edit]:
    for placeholder in find_placeholders(source)[0]:
        yield _Edit(placeholder.start, placeholder.end, _parts_for(placeholder, context, write))


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
    position = 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        parts += [source[position : edit.start], *edit.parts]
        position = edit.end
    return [*parts, source[position:]]


def compile_line(source: str, list_name: str) -> list[str | ValueMark]:
    """A header's text. It has no place for a URL, so that an unsubscribe placeholder leaves nothing."""
    context = BodyContext(tracker_url="", list_name=list_name, links={}, open_pixel=False, footer=False)
    return [part for part in _apply(source, [*_mark_edits(source, context, str)]) if not isinstance(part, TokenMark)]
