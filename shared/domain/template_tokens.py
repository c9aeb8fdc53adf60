"""The tokens of a template's tags, and how names and strings are written for the engine. Pure."""

import json
import re
from typing import Final

from shared.domain.template import Path, plain_lines

MOST_TOKENS: Final = 200  #: in one tag

Token = tuple[str, str]  #: kind (string, number, name, sign, end) and text

_TOKEN: Final = re.compile(
    r"""\s* (?: (?P<end>-?(?:\}\}|%\}))
              | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
              | (?P<number>[0-9]{1,15}(?:\.[0-9]{1,15})?(?![\w.]))
              | (?P<name>[^\W\d]\w*(?:-+\w+)*(?:\.\w+(?:-+\w+)*)*)
              | (?P<sign>[=!<>]=|[<>~|(),\[\]]) )""",
    re.VERBOSE | re.DOTALL,
)


class Mistake(Exception):
    """What an author wrote cannot be understood; the message says why. Never leaves the reading of a template."""


def cut_tokens(source: str, position: int) -> tuple[list[Token], int]:
    """The tokens of the tag whose inside begins at ``position``, the last of kind ``end``, and where they end."""
    tokens: list[Token] = []
    while not tokens or tokens[-1][0] != "end":
        match = _TOKEN.match(source, position)
        if match is None or match.lastgroup is None:
            raise Mistake(_unreadable(source, position))
        if len(tokens) > MOST_TOKENS:
            raise Mistake(f"is longer than {MOST_TOKENS} words and signs")
        tokens.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return tokens, position


def _unreadable(source: str, position: int) -> str:
    rest = source[position : position + 200].lstrip()
    return f"has something odd at {rest[:20]!r}" if rest else "is not closed"


def quote(text: str) -> str:
    """As a string of the engine."""
    return json.dumps(plain_lines(text), ensure_ascii=False)


def code_of(path: Path) -> str:
    return path[0] + "".join([f"[{quote(name)}]" for name in path[1:]])
