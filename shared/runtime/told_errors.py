"""Errors as logs tell them: where they happened and what they are, and in words only those that we chose.

What a library or a database says of an error repeats what it was given: a row, an argument, a URL with its password.
"""

import os
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from typing import Any, Final

_OURS: Final = ("services", "shared")
_MOST_CAUSES: Final = 8


def told(error: BaseException) -> str:
    """With its causes, the first of them first, and those that a group holds; each with its place in the code."""
    return "\n".join(part for each in _causes(error) for part in _told_alone(each))


def tell_exception(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """For structlog: ``exc_info`` becomes ``exception``."""
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["exception"] = told(error)
    return event


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    above: BaseException | None = error
    while above is not None and above not in chain and len(chain) < _MOST_CAUSES:
        chain.insert(0, above)
        above = above.__cause__ or (None if above.__suppress_context__ else above.__context__)
    return chain


def _told_alone(error: BaseException) -> Iterator[str]:
    kind, words = type(error), ""
    if kind.__module__.partition(".")[0] in _OURS:
        words = f": {error}"
    elif isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        words = f": {os.strerror(error.errno)}"  # the system's own words, without the name of what it was asked for
    yield "".join(traceback.format_tb(error.__traceback__)).rstrip("\n")
    yield f"{kind.__module__}.{kind.__qualname__}{words}"
    if isinstance(error, BaseExceptionGroup):
        yield from (told(each) for each in error.exceptions[:_MOST_CAUSES])
