"""What belongs together: one trace from a request over its events, hints and messages to its callbacks.

A trace is carried as W3C's ``traceparent``; who takes up work joins the one that the work was asked for in. Every line
logged meanwhile says ``correlation``, the trace's id, and every event keeps it. Spans are made only once ``export``
was called; before that, ``span`` costs one look at a variable.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Final

import structlog

#: Version 00: trace id, id of the span above, flags; ids of zeros are none.
_TRACEPARENT: Final = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

#: Makes a span: name, traceparent above, its attributes. Gives the traceparent for what is below.
SpanMaker = Callable[[str, str, dict[str, str | int]], AbstractContextManager[str]]

_current: ContextVar[str | None] = ContextVar("traceparent", default=None)
_exporting: list[SpanMaker] = []  # one at most


def current() -> str | None:
    """The traceparent of what is under way here, if anything asked for it."""
    return _current.get()


def read_traceparent(text: str | None) -> str | None:
    """None for what is none, however long; a caller may send anything."""
    return text if text and len(text) == 55 and _TRACEPARENT.fullmatch(text) else None


def new_traceparent(random_bytes: Callable[[int], bytes]) -> str:
    return f"00-{random_bytes(16).hex()}-{random_bytes(8).hex()}-01"


def trace_id(traceparent: str) -> str:
    return traceparent[3:35]


def joined(traceparent: str | None) -> AbstractContextManager[None]:
    """What happens in the block belongs to that trace; None or what is no traceparent: to none."""
    parent = read_traceparent(traceparent)
    return nullcontext() if parent is None else _joined(parent)


@contextmanager
def _joined(traceparent: str) -> Iterator[None]:
    with structlog.contextvars.bound_contextvars(correlation=trace_id(traceparent)):
        token = _current.set(traceparent)
        try:
            yield
        finally:
            _current.reset(token)


def span(name: str, **attributes: str | int) -> AbstractContextManager[None]:
    """One step of the trace that is under way; outside any, nothing. Attributes hold no address and no value."""
    above = _current.get() if _exporting else None
    return nullcontext() if above is None else _spanned(name, above, attributes)


@contextmanager
def _spanned(name: str, above: str, attributes: dict[str, str | int]) -> Iterator[None]:
    with _exporting[0](name, above, attributes) as below:
        token = _current.set(below)
        try:
            yield
        finally:
            _current.reset(token)


def export(maker: SpanMaker | None) -> None:
    """From now on spans are made by it; None: no more."""
    _exporting[:] = [maker] if maker else []
