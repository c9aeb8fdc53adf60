"""Placeholders in message texts: ``{{ vars.name }}``, ``{{ email }}``, ``{{ list.name }}`` and so on. Pure.

Logic-less on purpose: a template can name a value and a default for it, and nothing else. What a recipient's value
contains is never read as a template again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

UNSUBSCRIBE_URL: Final = ("unsubscribe_url",)
LIST_NAME: Final = ("list", "name")

MOST_FAULTS: Final = 20  #: a text with more is reported as far as this

_KNOWN: Final = frozenset({("email",), ("telephone",), LIST_NAME, UNSUBSCRIBE_URL})
_NAMES: Final = "vars.<name>, email, telephone, list.name and unsubscribe_url"
_PLACEHOLDER: Final = re.compile(
    r"""\{\{ \s* (?P<name>[^\s|{}"]+) \s*
        (?: \| \s* default \( \s* "(?P<default> (?:[^"\\]|\\.)* )" \s* \) \s* )?
        \}\}""",
    re.VERBOSE | re.DOTALL,
)
_VARIABLE: Final = re.compile(r"vars(?:\.[\w-]+)+")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)

_CONTROLS: Final = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)
_NO_CONTROLS: Final = dict.fromkeys(_CONTROLS)
_LINES_ONLY: Final = {code: None for code in _CONTROLS if chr(code) not in "\t\n"}


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One placeholder and where it stands: ``text[start:end]``."""

    start: int
    end: int
    name: tuple[str, ...]  #: ``("vars", "address", "city")``, ``("email",)``
    default: str


def find_placeholders(text: str) -> tuple[list[Placeholder], list[str]]:
    """All placeholders of ``text`` in order, and a sentence for each that cannot be understood."""
    found: list[Placeholder] = []
    faults: list[str] = []
    position = text.find("{{")
    while position >= 0 and len(faults) < MOST_FAULTS:
        match = _PLACEHOLDER.match(text, position)
        fault = _fault_of(match, text, position)
        if match is None or fault:
            faults.append(fault)
            position = text.find("{{", position + 2)
            continue
        default = _ESCAPE.sub(r"\1", match["default"] or "")
        found.append(Placeholder(match.start(), match.end(), tuple(match["name"].split(".")), default))
        position = text.find("{{", match.end())
    return found, faults


def _fault_of(match: re.Match[str] | None, text: str, position: int) -> str:
    if match is None:
        end = text.find("}}", position)
        if end < 0:
            return f"{text[position : position + 40]!r} is not closed by }}}}"
        shown = text[position : min(end + 2, position + 80)]
        return f'{shown!r} is no placeholder: write {{{{ name }}}} or {{{{ name | default("text") }}}}'
    name = match["name"]
    if _VARIABLE.fullmatch(name) or tuple(name.split(".")) in _KNOWN:
        return ""
    return f"{name[:80]!r} is unknown: a placeholder is one of {_NAMES}"


def value_in(values: Mapping[str, object], path: tuple[str, ...]) -> str:
    """The text at ``path`` in nested objects; empty if there is none, or null, an object or an array."""
    found: object = values
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return found
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found) if isinstance(found, int | float) else ""


def one_line(text: str) -> str:
    """Without any control or line break: fit for a header."""
    return text if text.isprintable() else text.translate(_NO_CONTROLS)


def plain_lines(text: str) -> str:
    """Without controls but tabs and line breaks, which all become LF: fit for a body."""
    if text.isprintable():
        return text
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_LINES_ONLY)
