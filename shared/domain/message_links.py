"""The links of a message that can be tracked: where they stand and what they point to. Pure.

Found by a scan that changes nothing, so that everything around a link stays byte for byte. In html only the ``href``
of an ``<a>`` outside comments and raw text counts, in a text every bare http(s) URL. A link with a tag in it differs
between recipients and is left alone.
"""

import html as html_entities
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.entities import html5
from typing import Final

from shared.domain.template_tags import read_template

MOST_LINKS: Final = 65_535  #: a token's link number has 16 bits, and 0 means none

_HOLE: Final = "\x00"  #: stands for each character of a tag while links are looked for

# What is never closed reaches to the end, so that each character is looked at once however broken the html is.
_MARKUP: Final = re.compile(
    r"""<!--.*?(?:-->|\Z)
      | <(?P<raw>script|style|title|textarea|xmp|iframe|noembed|noframes)(?=[\s/>]).*?(?:</(?P=raw)(?=[\s/>])|\Z)
      | <a(?=[\s/])(?P<attributes>(?:[^"'>]|"[^"]*(?:"|\Z)|'[^']*(?:'|\Z))*+)(?P<closed>>|\Z)""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
ATTRIBUTE: Final = re.compile(
    r"""(?P<name>[^\s"'>/=]+) (?:\s*=\s* (?: "(?P<double>[^"]*)" | '(?P<single>[^']*)' | (?P<bare>[^\s"'>]+) ))?""",
    re.VERBOSE,
)
_ENTITY: Final = re.compile(r"&(?:#(?:[0-9]+|[xX][0-9a-fA-F]+);?|([A-Za-z][A-Za-z0-9]*)(?:;|(?![A-Za-z0-9=])))")
_URL: Final = re.compile(r"https?://[^\s\x00-\x20\x7f<>\"]+", re.IGNORECASE)
_TRAILING: Final = ".,;:!?'*_)]}"


@dataclass(frozen=True, slots=True)
class LinkSpan:
    """``source[start:end]`` is how the url is written there; ``url`` is what it means."""

    start: int
    end: int
    url: str


def extract_links(html: str | None, text: str | None) -> list[str]:
    """The trackable urls of a message, each once, in order of appearance, html first; the n-th is link number n, from
    1.
    """
    spans = [*links_in_html(html or ""), *links_in_text(text or "")]
    return list(dict.fromkeys(span.url for span in spans))[:MOST_LINKS]


def links_in_html(html: str) -> list[LinkSpan]:
    return [span for span in _hrefs(_with_holes(html)) if _URL.fullmatch(span.url)]


def links_in_text(text: str) -> list[LinkSpan]:
    source = _with_holes(text)
    spans = []
    for match in _URL.finditer(source):
        url, end = _without_trailing(match[0]), source[match.end() : match.end() + 1]
        if end == ">" and source[match.start() - 1 : match.start()] == "<":
            url = match[0]  # in angle brackets it stands whole (RFC 3986, appendix C)
        # A bracket that was opened before the url has ended it.
        goes_on = end == _HOLE and ")" not in match[0][len(url) :]
        if not goes_on and _URL.fullmatch(url):
            spans.append(LinkSpan(match.start(), match.start() + len(url), url))
    return spans


def _with_holes(source: str) -> str:
    """``source`` with every tag blotted out, at the same length."""
    parts, position = [], 0
    for tag in read_template(source).tags:
        parts += [source[position : tag.start], _HOLE * (tag.end - tag.start)]
        position = tag.end
    return "".join([*parts, source[position:]])


def _hrefs(source: str) -> Iterator[LinkSpan]:
    for element in _MARKUP.finditer(source):
        if not element["closed"]:
            continue
        for attribute in ATTRIBUTE.finditer(source, element.start("attributes"), element.end("attributes")):
            # Of an attribute given twice the first one counts, as in a browser.
            if attribute["name"].lower() == "href":
                yield from _span_of(attribute)
                break


def _span_of(attribute: re.Match[str]) -> Iterator[LinkSpan]:
    group = _written_as(attribute)
    if group is not None:
        yield LinkSpan(attribute.start(group), attribute.end(group), value_of_attribute(attribute))


def _written_as(attribute: re.Match[str]) -> str | None:
    return next((name for name in ("double", "single", "bare") if attribute[name] is not None), None)


def value_of_attribute(attribute: re.Match[str]) -> str:
    """What a match of ``ATTRIBUTE`` means."""
    group = _written_as(attribute)
    return _ENTITY.sub(_entity, attribute[group]).strip(" \t\r\n\f") if group else ""


def _entity(match: re.Match[str]) -> str:
    """In an attribute ``&copy=1`` stays what it is: without a semicolon a name counts only where browsers say so."""
    name = match[1]
    if name is None:
        return html_entities.unescape(match[0])
    return html5.get(match[0][1:], match[0])


def _without_trailing(url: str) -> str:
    """Without the punctuation of the sentence around; a closing bracket stays if it was opened inside."""
    end, surplus = len(url), url.count(")") - url.count("(")
    while end and url[end - 1] in _TRAILING:
        if url[end - 1] == ")":
            if surplus <= 0:
                break
            surplus -= 1
        end -= 1
    return url[:end]
