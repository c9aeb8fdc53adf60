"""The text part of an email of which only the html was written. Pure.

A scan by the rules by which links are found (``message_links``): what is never closed reaches to the end, so that each
character is looked at once however broken the html is. Placeholders and other tags of the template stay where they
stand, and the text is a template again. No line is broken that is not broken in the html: readers wrap by themselves.
"""

import html
import re
from typing import Final

from shared.domain.message_links import ATTRIBUTE, value_of_attribute
from shared.domain.template_tags import Tag, read_template

# Stand around the number of a tag while markup is taken away. Unicode promises that they are nobody's characters.
_BEGIN: Final = "\ufdd0"
_END: Final = "\ufdd1"

_MARKUP: Final = re.compile(
    r"""<!--.*?(?:-->|\Z)
      | <(?P<raw>script|style|title|textarea|xmp|iframe|noembed|noframes)(?=[\s/>]).*?
        (?:</(?P=raw)(?=[\s/>])[^>]*(?:>|\Z)|\Z)
      | <[!?][^>]*(?:>|\Z)
      | <(?P<close>/?)(?P<name>[a-z][a-z0-9]*)(?P<attributes>(?:[^"'>]|"[^"]*(?:"|\Z)|'[^']*(?:'|\Z))*+)(?:>|\Z)""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_MARK: Final = re.compile(f"{_BEGIN}([0-9]+){_END}")
_SPACE: Final = re.compile(r"[ \t\r\n\f]+")
_SHOWN_URL: Final = re.compile(rf"(?:https?://|tel:|{_BEGIN})\S+", re.IGNORECASE)
#: What is taken for the whole url by whoever looks for one between brackets or at the end of a sentence.
_READ_WHOLE: Final = re.compile(r"[^()]*[^().,;:!?'*_\]}]").fullmatch
#: What would read as a tag, though in the html it was none.
_FALSE_TAG: Final = re.compile(rf"\{{(?=[{{%{_BEGIN}])")

_PARAGRAPHS: Final = re.compile(r"p|h[1-6]|[uod]l|blockquote|pre|table|figure|hr").fullmatch
_OWN_LINES: Final = re.compile(
    r"div|li|tr|d[td]|caption|section|article|header|footer|nav|aside|main|form|address|center"
).fullmatch
_ENDS_A_CLAUSE: Final = re.compile(r"[.,;:!?)\]'\"]+(?:\s|\Z)")
_CELLS: Final = frozenset({"td", "th"})


def text_from_html(source: str) -> str:
    """Empty if there is nothing to read in it."""
    source = source.replace(_BEGIN, "").replace(_END, "")
    tags = read_template(source).tags
    parts, position = [], 0
    for number, tag in enumerate(tags):
        parts += [source[position : tag.start], f"{_BEGIN}{number}{_END}"]
        position = tag.end
    written = _written("".join([*parts, source[position:]]), tags)
    return _MARK.sub(lambda mark: source[tags[int(mark[1])].start : tags[int(mark[1])].end], written)


def _written(source: str, tags: tuple[Tag, ...]) -> str:
    writer, position = _Writer(tags), 0
    for markup in _MARKUP.finditer(source):
        writer.text(source[position : markup.start()])
        position = markup.end()
        if markup["name"]:
            writer.element(markup["name"].lower(), markup["attributes"], closes=bool(markup["close"]))
    writer.text(source[position:])
    writer.end_link()
    return _FALSE_TAG.sub("{ ", "".join(writer.pieces).strip())


class _Writer:
    """Words and the white space between them: as much as was asked for last, and none at both ends."""

    def __init__(self, tags: tuple[Tag, ...]) -> None:
        self._tags = tags
        self.pieces: list[str] = []
        self._lines = 2  #: line breaks at the end of what is written
        self._spaced = False  #: a space is the last that was written
        self._lines_wanted = 0
        self._space_wanted = False
        self._prefix = ""
        self._preformatted = 0
        self._lists: list[int | None] = []  #: the number of the last item, None: not numbered
        self._link = ""
        self._link_from = 0
        self._url_before = False

    def text(self, source: str) -> None:
        for number, piece in enumerate(_MARK.split(source)):
            if number % 2:
                self._tag(int(piece))
            elif piece:
                self._words(html.unescape(piece))

    def element(self, name: str, attributes: str, *, closes: bool) -> None:
        lines = 2 if _PARAGRAPHS(name) else int(bool(_OWN_LINES(name)))
        self._lines_wanted = max(self._lines_wanted, lines)
        self._space_wanted = self._space_wanted or name in _CELLS
        match name:
            case "br":
                self._lines_wanted = min(self._lines_wanted + 1, 2)
            case "hr":
                self._put("-" * 20)
                self._lines_wanted = lines
            case "a":
                self.end_link()
                if not closes:
                    self._link, self._link_from = _attribute(attributes, "href"), len(self.pieces)
            case "img":
                self.text(_attribute(attributes, "alt"))
            case "pre":
                self._preformatted += -1 if closes else 1
            case "ul" | "ol":
                self._begin_or_end_list(closes, name == "ol")
            case "li" if not closes:
                self._begin_item()
            case _:
                pass

    def end_link(self) -> None:
        """Writes where the link that is open leads to, unless it says so itself."""
        url, self._link = self._link, ""
        said = "".join(self.pieces[self._link_from :]).strip()
        shown = url[7:] if url[:7].lower() == "mailto:" else url
        if shown != url or _SHOWN_URL.fullmatch(url):
            if not said:
                self._put(shown if _READ_WHOLE(shown) else f"<{shown}>")
            elif said not in (url, shown):
                self._space_wanted = True
                self._put(f"({shown})" if _READ_WHOLE(shown) else f"<{shown}>")
            self._url_before = True

    def _tag(self, number: int) -> None:
        mark = f"{_BEGIN}{number}{_END}"
        if self._tags[number].prints:
            self._put(mark)
            return
        # A condition or loop: what stands before it is white space whether or not anything comes of it.
        self._space_wanted = self._space_wanted or self._url_before
        self._url_before = False
        self._space()
        self.pieces.append(mark)
        if self._lists and " for" in self._tags[number].code:
            self._lists[-1] = None

    def _words(self, text: str) -> None:
        if self._preformatted > 0:
            self._put(text)
            self._lines = len(text) - len(text.rstrip("\n"))
            return
        text = _SPACE.sub(" ", text)
        self._space_wanted = self._space_wanted or text.startswith(" ")
        if words := text.strip(" "):
            self._put(words.replace("\xa0", " "))
            self._space_wanted = text.endswith(" ")

    def _put(self, words: str) -> None:
        if self._url_before and not _ENDS_A_CLAUSE.match(words):
            self._space_wanted = True  # else they would be taken for a part of the url
        self._space()
        self.pieces += [self._prefix, words]
        self._prefix, self._lines, self._spaced, self._url_before = "", 0, False, False

    def _space(self) -> None:
        if self._lines_wanted > self._lines:
            self.pieces.append("\n" * (self._lines_wanted - self._lines))
            self._lines, self._spaced = self._lines_wanted, True
        elif self._space_wanted and not self._spaced and not self._lines:
            self.pieces.append(" ")
            self._spaced = True
        self._lines_wanted, self._space_wanted = 0, False

    def _begin_or_end_list(self, closes: bool, numbered: bool) -> None:
        if not closes:
            self._lists.append(0 if numbered else None)
        elif self._lists:
            self._lists.pop()

    def _begin_item(self) -> None:
        number = self._lists[-1] if self._lists else None
        if number is not None:
            number = self._lists[-1] = number + 1
        self._prefix = "  " * (len(self._lists) - 1) + ("- " if number is None else f"{number}. ")


def _attribute(attributes: str, wanted: str) -> str:
    for attribute in ATTRIBUTE.finditer(attributes):
        if attribute["name"].lower() == wanted:
            return value_of_attribute(attribute)
    return ""
