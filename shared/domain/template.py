"""Placeholders in message texts, ``{{ vars.name }}`` or ``{{ email | default("none") }}``, and what stands in their
place. Pure.

Most templates need no more than these; conditions, loops and filters are read in ``template_tags``. What a recipient's
value contains is never read as a template again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.domain.identifiers import INT63_MAX

Path = tuple[str, ...]  #: ``("vars", "address", "city")``, ``("email",)``

UNSUBSCRIBE_URL: Final = ("unsubscribe_url",)
LIST_NAME: Final = ("list", "name")

NAMES: Final = "vars.<name>, email, telephone, list.name and unsubscribe_url"

DEEPEST_PATH: Final = 10  #: names behind ``vars``

_KNOWN: Final = frozenset({("email",), ("telephone",), LIST_NAME, UNSUBSCRIBE_URL})
_PLACEHOLDER: Final = re.compile(
    r"""\{\{ \s* (?P<name>[^\s|{}"']+) \s*
        (?: \| \s* default \( \s* (?: "(?P<double> (?:[^"\\]|\\.)* )" | '(?P<single> (?:[^'\\]|\\.)* )' ) \s* \) \s* )?
        \}\}""",
    re.VERBOSE | re.DOTALL,
)
_VARIABLE: Final = re.compile(rf"vars(?:\.[\w-]+){{1,{DEEPEST_PATH}}}")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)

_CONTROLS: Final = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)
#: Embeddings, overrides and isolates: left open in a header they turn around what comes behind them.
_TURNING: Final = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_NO_CONTROLS: Final = dict.fromkeys((*_CONTROLS, *_TURNING))
_LINES_ONLY: Final = {code: None for code in _CONTROLS if chr(code) not in "\t\n"}


@dataclass(frozen=True, slots=True)
class Placeholder:
    name: Path
    default: str


def read_placeholder(text: str, position: int) -> tuple[Placeholder, int] | None:
    """The placeholder that begins at ``position`` and where it ends; None if there is something else."""
    match = _PLACEHOLDER.match(text, position)
    if match is None or not is_known(match["name"]):
        return None
    return Placeholder(tuple(match["name"].split(".")), unescape(match["double"] or match["single"] or "")), match.end()


def is_known(name: str) -> bool:
    return bool(_VARIABLE.fullmatch(name)) or tuple(name.split(".")) in _KNOWN


def unescape(quoted: str) -> str:
    """What stands between quotes: a backslash makes the next character mean itself."""
    return _ESCAPE.sub(r"\1", quoted)


def value_in(values: Mapping[str, object], path: Path) -> str:
    """The text at ``path`` in nested objects; empty if there is none, or null, an object or an array."""
    found: object = values
    for name in path:
        # Nearly always a dict, and that is told at once.
        found = found.get(name) if isinstance(found, (dict, Mapping)) else None
    return found if isinstance(found, str) else text_of(found)


def text_of(value: object) -> str:
    """How a value is printed, in whichever way a template is rendered."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) <= INT63_MAX:
        return str(int(value))
    return str(value) if isinstance(value, int | float) else ""


def one_line(text: str) -> str:
    """Without any control, line break or change of direction: fit for a header."""
    return text if text.isprintable() else text.translate(_NO_CONTROLS)


def plain_lines(text: str) -> str:
    """Without controls but tabs and line breaks, which all become LF: fit for a body."""
    if text.isprintable():
        return text
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_LINES_ONLY)
