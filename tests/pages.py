"""Pages in Markdown, as their readers' programs take them apart: headings, links, blocks of code."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FENCED = re.compile(r"^(?P<fence>```+)(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=fence)[ \t]*$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
ELSEWHERE = re.compile(r"[a-z]+:|//")


@dataclass(frozen=True)
class Page:
    path: Path
    text: str


@dataclass(frozen=True)
class Block:
    """``info``: what stands behind the fence, as `sh run`; ``line``: of the page, from 1."""

    info: str
    text: str
    line: int

    @property
    def language(self) -> str:
        return self.info.partition(" ")[0]


def every_page() -> Iterator[Page]:
    """At the top and below docs."""
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]):
        yield Page(path, path.read_text(encoding="utf-8"))


def blocks(text: str) -> Iterator[Block]:
    for found in FENCED.finditer(text):
        yield Block(found["info"].strip(), found["text"], text.count("\n", 0, found.start()) + 1)


def prose(text: str) -> str:
    """Without the blocks."""
    return FENCED.sub("", text)


def links(text: str) -> list[str]:
    """Those that lead to a file or a heading of this tree; what looks like one in code is none."""
    without_code = re.sub(r"`[^`\n]*`", "", prose(text))
    return [link for link in LINK.findall(without_code) if not ELSEWHERE.match(link)]


def anchors(text: str) -> set[str]:
    """As the usual hosts make them of headings: lower case, spaces to hyphens, signs away, repeats numbered."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *$", prose(text), re.MULTILINE):
        words = LINK.sub(lambda match: match[0][match[0].index("[") + 1 : match[0].index("]")], heading)
        anchor = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        found.add(anchor if not seen[anchor] else f"{anchor}-{seen[anchor]}")
        seen[anchor] += 1
    return found
