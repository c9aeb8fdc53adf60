"""Logs: one line of JSON each, to stderr. Text for people, ``action`` for machines. Never an address, a key or a
URL's query.
"""

import contextlib
import logging
import sys
from typing import TextIO

import structlog


def configure_logging(level: str = "info") -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(_NeverMinding(sys.stderr)),  # type: ignore[arg-type] # all it needs
        cache_logger_on_first_use=True,
    )


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
