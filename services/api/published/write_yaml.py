"""Plain data as YAML 1.2, in blocks: a person reads it, and every reader of YAML gets back the same. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

#: Keys and words that no YAML reads as anything but text.
_PLAIN: Final = re.compile(r"[A-Za-z$][A-Za-z0-9_$-]*([./][A-Za-z0-9_$-]+)*")
#: Characters that YAML takes for the end of a line, or not at all, unless they are escaped.
_ESCAPED: Final = re.compile("[\\x7f-\\xa0\\u2028\\u2029\\ufeff\\ufffe\\uffff]")
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def write_yaml(value: Mapping[str, Any]) -> str:
    return "\n".join(_lines(value, 0)) + "\n"


def _lines(value: Any, depth: int) -> Iterator[str]:
    space = "  " * depth
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _entry(f"{space}{_scalar(key)}:", item, depth)
    else:
        for item in value:
            yield from _item(space, item, depth)


def _entry(head: str, item: Any, depth: int) -> Iterator[str]:
    if _is_block(item):
        yield head
        yield from _lines(item, depth + 1)
    else:
        yield f"{head} {_scalar(item)}"


def _item(space: str, item: Any, depth: int) -> Iterator[str]:
    if _is_block(item):
        first, *others = _lines(item, depth + 1)
        yield f"{space}- {first.lstrip()}"
        yield from others
    else:
        yield f"{space}- {_scalar(item)}"


def _is_block(value: Any) -> bool:
    return isinstance(value, (Mapping, Sequence)) and not isinstance(value, str) and bool(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", orjson.dumps(value).decode())
