"""Logs: one line of JSON each, to stderr. Text for people, ``action`` for machines. Never an address, a key or a
URL's query.
"""

import contextlib
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import structlog

from shared.runtime.told_errors import tell_exception
from shared.runtime.tracing import tell_correlation


def _first_line(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """What libraries log goes on with the objects that it is about, and those hold anything."""
    event["event"] = str(event["event"]).partition("\n")[0]
    return event


PROCESSORS: Final[tuple[structlog.typing.Processor, ...]] = (
    tell_correlation,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    tell_exception,
    structlog.processors.JSONRenderer(),
)


def configure_logging(level: str = "info") -> None:
    """Ours from ``level`` on; of libraries what they warn of, in the same form."""
    structlog.configure(
        processors=PROCESSORS,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(_NeverMinding(sys.stderr)),  # type: ignore[arg-type] # all it needs
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[handler_of_libraries()], level=logging.WARNING, force=True)


def handler_of_libraries() -> logging.Handler:
    handler = logging.StreamHandler(_NeverMinding(sys.stderr))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _first_line, *PROCESSORS[3:]],
            foreign_pre_chain=PROCESSORS[:3],
        )
    )
    return handler


class _NeverMinding:
    """Whoever tells of his work goes on with it, also when there is no room to tell it, or nobody who reads it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()
