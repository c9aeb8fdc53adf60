"""The tags of a template: ``{{ value }}``, ``{% if condition %}`` and ``{% for item in list %}``. Pure.

Everything else is text, so that style sheets may hold any brackets they like: there is no comment and no other tag.
What is found here may be rendered; what may not is named with its line.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from shared.domain.template import UNSUBSCRIBE_URL, Placeholder, read_placeholder
from shared.domain.template_expression import Reader, Uses, Variable
from shared.domain.template_tokens import Mistake, cut_tokens

MOST_FAULTS: Final = 20  #: a template with more is reported as far as this
MOST_TAGS: Final = 5_000
DEEPEST: Final = 20  #: conditions and loops within each other
MOST_BRANCHES: Final = 50  #: elif of one condition

#: What the engine takes for tags: no text can hold the control character, an author's least of all.
CONTROL: Final = "\x01"
BLOCK: Final = (f"{CONTROL}%", f"%{CONTROL}")
VALUE: Final = (f"{CONTROL}{{", f"}}{CONTROL}")

_OPENING: Final = re.compile(r"\{[{%]")
_CLOSING: Final = re.compile(r"[%}]\}")
_STATEMENTS: Final = ("if", "elif", "else", "endif", "for", "endfor")
_STATEMENT: Final = re.compile(rf"\{{%-?\s*(?:{'|'.join(_STATEMENTS)})\b")


@dataclass(frozen=True, slots=True)
class Tag:
    """``source[start:end]`` is the tag as it was written."""

    start: int
    end: int
    prints: bool  #: it is no condition and no loop
    placeholder: Placeholder | None  #: if it is nothing more
    code: str  #: else the same in the engine's language
    depth: int  #: how many conditions and loops it stands in

    @property
    def always_unsubscribes(self) -> bool:
        return self.unsubscribes and self.depth == 0

    @property
    def unsubscribes(self) -> bool:
        return self.placeholder is not None and self.placeholder.name == UNSUBSCRIBE_URL


@dataclass(frozen=True, slots=True)
class Template:
    """A source as it was understood. ``faults``: a sentence for each thing that was not; then it must not be used."""

    tags: tuple[Tag, ...]
    faults: tuple[str, ...]
    uses: Uses

    @property
    def simple(self) -> bool:
        """Nothing but placeholders: it can be cut into pieces once, for all recipients."""
        return all(tag.placeholder for tag in self.tags)


@dataclass(slots=True)
class _Block:
    """A condition or loop that is open."""

    kind: str
    at: int
    branches: int = 0
    complete: bool = False  #: had its else
    variable: Variable | None = None


@lru_cache(maxsize=16)  # one text is asked about several times in a row
def read_template(source: str) -> Template:
    """All tags in order, and everything wrong with them."""
    reading = _Reading(source)
    opening = _OPENING.search(source)
    while opening and len(reading.faults) < MOST_FAULTS:
        try:
            end = reading.read_tag(opening.start())
        except Mistake as mistake:
            reading.add_fault(opening.start(), str(mistake))
            end = opening.end()
        opening = _OPENING.search(source, end)
    for block in reading.blocks:
        reading.add_fault(block.at, f"is not ended by {{% end{block.kind} %}}")
    return Template(tuple(reading.tags), tuple(reading.faults[:MOST_FAULTS]), reading.uses)


class _Reading:
    """A source that is read from its beginning to its end."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.tags: list[Tag] = []
        self.faults: list[str] = []
        self.uses = Uses()
        self.blocks: list[_Block] = []

    def add_fault(self, position: int, sentence: str) -> None:
        line = self._source.count("\n", 0, position) + 1
        closing = _CLOSING.search(self._source, position, position + 80)
        shown = self._source[position : closing.end() if closing else position + 40]
        self.faults.append(f"line {line}: {shown!r} {sentence}")

    def read_tag(self, start: int) -> int:
        """Where it ends. Raises Mistake."""
        if len(self.tags) >= MOST_TAGS:
            raise Mistake(f"is one too many: at most {MOST_TAGS} tags")
        simple = read_placeholder(self._source, start)
        if simple:
            placeholder, end = simple
            if placeholder.name[0] == "vars":
                self.uses.values.add(placeholder.name)
            self.tags.append(Tag(start, end, prints=True, placeholder=placeholder, code="", depth=len(self.blocks)))
            return end
        prints = self._source.startswith("{{", start)
        if not prints and not _STATEMENT.match(self._source, start):
            raise Mistake(f"is unknown: a tag begins with {', '.join(_STATEMENTS)}")
        dash = "-" if self._source.startswith("-", start + 2) else ""
        tokens, end = cut_tokens(self._source, start + 2 + len(dash))
        reader = Reader(tokens, [block.variable for block in self.blocks if block.variable], self.uses)
        (opening, closing), shut = (VALUE, "}}") if prints else (BLOCK, "%}")
        code = reader.expression() if prints else self._statement(reader, start)
        code = f"{opening}{dash} {code} {reader.close(shut)}{closing}"
        self.tags.append(Tag(start, end, prints=prints, placeholder=None, code=code, depth=len(self.blocks)))
        return end

    def _statement(self, reader: Reader, start: int) -> str:
        match reader.word():
            case "if":
                self._open(_Block("if", start))
                return f"if {reader.expression()}"
            case "elif":
                self._branch(("if",))
                return f"elif {reader.expression()}"
            case "else":
                self._branch(("if", "for")).complete = True
                return "else"
            case "for":
                return self._loop(reader, start)
            case ending:
                kind = ending.removeprefix("end")
                if not self.blocks or self.blocks[-1].kind != kind:
                    raise Mistake(f"ends no {kind}")
                self.blocks.pop()
                return ending

    def _loop(self, reader: Reader, start: int) -> str:
        block = _Block("for", start)
        self._open(block)
        name = reader.new_variable()
        reader.must("in")
        items, source = reader.items()
        block.variable = Variable(name, f"item{len(self.blocks)}", source)
        return f"for {block.variable.code} in {items}"

    def _open(self, block: _Block) -> None:
        if len(self.blocks) >= DEEPEST:
            raise Mistake(f"stands in more than {DEEPEST} conditions and loops")
        self.blocks.append(block)

    def _branch(self, kinds: tuple[str, ...]) -> _Block:
        block = self.blocks[-1] if self.blocks else None
        if block is None or block.kind not in kinds or block.complete:
            raise Mistake("belongs to no condition")
        block.branches += 1
        if block.branches > MOST_BRANCHES:
            raise Mistake(f"is one too many: at most {MOST_BRANCHES} branches")
        return block
