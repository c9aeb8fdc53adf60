"""The single values in a query's wire form: text, numbers, and several of them as alternatives. Pure.

A text may hold alternatives, divided by ``|``; an array holds them one by one, each of its own JSON type and with no
divider in it. Each reader answers None for what it does not take.
"""

import math
import re
from collections.abc import Iterable
from typing import Final

from shared.domain.identifiers import INT63_MAX
from shared.domain.subscriber_query import Scalar

MOST_ALTERNATIVES: Final = 1_000
LONGEST_TEXT: Final = 10_000

_WHOLE = re.compile(r"[0-9]{1,12}")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?")
_WORDS: Final = {"true": True, "false": False}


def read_text(given: object, longest: int = LONGEST_TEXT) -> str | None:
    """Neither empty nor such that a database could not keep it."""
    if not isinstance(given, str) or not 0 < len(given) <= longest or "\x00" in given:
        return None
    return None if any("\ud800" <= character <= "\udfff" for character in given) else given


def read_texts(given: object) -> tuple[str, ...] | None:
    texts = [read_text(each) for each in _alternatives(given)]
    known = tuple(dict.fromkeys(text for text in texts if text is not None))
    return known if known and len(known) == len(dict.fromkeys(texts)) else None


def read_scalars(given: object, *, as_text: bool) -> tuple[Scalar, ...] | None:
    """``as_text``: what looks like a number or a boolean may be that as well; a form has no other way to say so.

    Of an array every entry is as it stands.
    """
    scalars: list[Scalar] = []
    for each in _alternatives(given):
        if each != "" and not _is_scalar(each):
            return None
        scalars.append(each)  # type: ignore[arg-type]  # it was just found to be one
        if as_text and isinstance(given, str):
            scalars += _typed(each)
    # True equals 1 to Python and not to JSON.
    return tuple({(isinstance(each, bool), each): each for each in scalars}.values()) or None


def read_numbers(given: object, *, as_text: bool) -> tuple[float, ...] | None:
    numbers: list[float] = []
    for each in _alternatives(given):
        typed = next(iter(_typed(each)), None) if as_text else each
        if not _is_number(typed):
            return None
        numbers.append(typed)  # type: ignore[arg-type]  # it was just found to be one
    return tuple(dict.fromkeys(numbers)) or None


def read_whole(given: object, most: int) -> int | None:
    """From 0 to ``most``; a text of digits will do, since most clients of this language write one."""
    if isinstance(given, str) and _WHOLE.fullmatch(given):
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int):
        return None
    return given if 0 <= given <= most else None


def _alternatives(given: object) -> list[object]:
    """Empty when there are too many."""
    if isinstance(given, str):
        pieces: list[object] = [piece for piece in given.split("|") if piece] or [given]
        return pieces if len(pieces) <= MOST_ALTERNATIVES else []
    # An array must hold what a form says with so many pieces, each in two ways.
    return (given if len(given) <= 2 * MOST_ALTERNATIVES else []) if isinstance(given, list) else [given]


def _is_scalar(value: object) -> bool:
    return isinstance(value, bool) or _is_number(value) or read_text(value) is not None


def _is_number(value: object) -> bool:
    # Whole numbers beyond 64 bits were read as floats and have lost digits.
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value) and abs(value) <= INT63_MAX


def _typed(text: object) -> Iterable[Scalar]:
    if not isinstance(text, str):
        return ()
    if text in _WORDS:
        return (_WORDS[text],)
    if _NUMBER.fullmatch(text):
        return (float(text),) if "." in text else (int(text),)
    return ()
