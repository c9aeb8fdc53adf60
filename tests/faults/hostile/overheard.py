"""Everything that the services of this process log, as services do: their own lines from debug on, and libraries'."""

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from shared.runtime.log_setup import configure_logging


@contextmanager
def overheard() -> Iterator[io.StringIO]:
    lines, stderr, before, root = io.StringIO(), sys.stderr, structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    sys.stderr = lines
    configure_logging("debug")
    structlog.configure(cache_logger_on_first_use=False)
    try:
        yield lines
    finally:
        sys.stderr = stderr
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**before)
