"""What belongs together: one trace from a request over its events, hints and messages to its callbacks.

A trace is carried as W3C's ``traceparent``; who takes up work joins the one that the work was asked for in. Every line
logged meanwhile says ``correlation``, the trace's id, and every event keeps it. Spans are made only once ``export``
was called; before that, ``span`` costs one look at a variable.
"""

import re
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Final

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
    drawn = random_bytes(24).hex()
    return f"00-{drawn[:32]}-{drawn[32:]}-01"


def trace_id(traceparent: str) -> str:
    return traceparent[3:35]


def tell_correlation(_: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """What a line of the log says of the trace that is under way."""
    if (traceparent := _current.get()) is not None:
        line["correlation"] = trace_id(traceparent)
    return line


def joined(traceparent: str | None) -> AbstractContextManager[None]:
    """What happens in the block belongs to that trace; None or what is no traceparent: to none."""
    parent = read_traceparent(traceparent)
    return _NOTHING if parent is None else _Joined(parent)


def asked_by(text: str | None, random_bytes: Callable[[int], bytes]) -> AbstractContextManager[None]:
    """The block belongs to the caller's trace; where ``text`` is no traceparent, to one that begins here."""
    return _Joined(read_traceparent(text) or new_traceparent(random_bytes))


_NOTHING: Final = nullcontext()


class _Joined(AbstractContextManager[None]):
    __slots__ = ("_before", "_traceparent")

    def __init__(self, traceparent: str) -> None:
        self._traceparent = traceparent

    def __enter__(self) -> None:
        self._before: Token[str | None] = _current.set(self._traceparent)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _current.reset(self._before)


def span(name: str, **attributes: str | int) -> AbstractContextManager[None]:
    """One step of the trace that is under way; outside any, nothing. Attributes hold no address and no value."""
    above = _current.get() if _exporting else None
    return _NOTHING if above is None else _spanned(name, above, attributes)


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
