"""What a log tells of an error: where and what it was, and nothing that somebody gave."""

import asyncio
import errno
import io
import json
import logging
import socket
import sys
from collections.abc import Iterator

import pytest
import structlog

from shared.postgres.database import DatabaseError
from shared.runtime.log_setup import configure_logging
from shared.runtime.told_errors import told

SECRET = "canary@nest.example"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is logged, as a service logs it."""
    written, before, root = io.StringIO(), structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(sys, "stderr", written)
    configure_logging("debug")
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    with pytest.raises(type(error)) as caught:
        raise error from cause
    return caught.value


def test_a_library_s_words_are_left_out_and_ours_are_told() -> None:
    """Its place and its kind are there, of each cause as well."""
    text = told(raised(DatabaseError("57014: canceling statement"), raised(KeyError(SECRET))))

    assert SECRET not in text
    assert "builtins.KeyError\n" in text
    assert "shared.postgres.database.DatabaseError: 57014: canceling statement" in text
    assert text.index("KeyError") < text.index("DatabaseError")
    assert "in raised" in text


def test_what_the_system_refused_is_told_in_its_words() -> None:
    """Without the name of what it was asked for. A look-up's number is none of the system's."""
    full = told(raised(OSError(errno.EMFILE, SECRET, SECRET)))
    unknown = told(raised(socket.gaierror(socket.EAI_NONAME, SECRET)))

    assert SECRET not in full + unknown
    assert full.endswith("builtins.OSError: Too many open files")
    assert unknown.endswith("socket.gaierror")


def test_each_of_a_group_is_told() -> None:
    text = told(raised(BaseExceptionGroup(SECRET, [KeyError(SECRET), OSError(SECRET)])))

    assert SECRET not in text
    assert text.count("builtins.KeyError") == text.count("builtins.OSError") == 1


def test_a_circle_of_causes_ends() -> None:
    one, other = ValueError("x"), ValueError("y")
    one.__cause__, other.__cause__ = other, one

    assert told(one).count("ValueError") == 2


def test_a_service_logs_no_more_than_that(lines: io.StringIO) -> None:
    try:
        int(SECRET)
    except ValueError:
        structlog.get_logger("services.x").exception("it failed", action="failed")

    told_line = json.loads(lines.getvalue())
    assert (told_line["event"], told_line["action"], told_line["level"]) == ("it failed", "failed", "error")
    assert "builtins.ValueError" in told_line["exception"]
    assert SECRET not in lines.getvalue()


async def test_nor_do_the_libraries_it_uses(lines: io.StringIO) -> None:
    """asyncio writes the whole error of a task that nobody asked about; one line and no words are left of it."""
    loop = asyncio.get_running_loop()
    loop.call_exception_handler({"message": "a task failed", "exception": raised(KeyError(SECRET)), "task": SECRET})
    logging.getLogger("some.library").warning("cannot reach %s", "the broker")

    first, second = map(json.loads, lines.getvalue().splitlines())
    assert first["event"] == "a task failed"
    assert "builtins.KeyError" in first["exception"]
    assert (second["event"], second["level"]) == ("cannot reach the broker", "warning")
    assert SECRET not in lines.getvalue()
