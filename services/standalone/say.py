"""What a command has to say goes to stdout by ``say``; that this cannot be is a line for a person, and no trace."""

import os
import sys
from typing import Final

_STDIN, _STDOUT, _STDERR = 0, 1, 2

#: How what was closed is opened: reading finds nothing, errors go nowhere, and writing to stdout fails as it should.
_MODES: Final = {_STDIN: os.O_RDONLY, _STDOUT: os.O_RDONLY, _STDERR: os.O_WRONLY}


class CannotSay(Exception):
    """``code``: the exit code. ``fault`` None: whoever read has read enough, as ``head`` does."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror)
        reads_no_more = isinstance(error, BrokenPipeError)
        self.code = 0 if reads_no_more else 1
        self.fault = None if reads_no_more else f"what there is to say cannot be written: {error.strerror}"


def say(text: str) -> None:
    """At once. Raises CannotSay."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        raise CannotSay(error) from error


def open_what_was_closed() -> None:
    """With ``>&-`` a shell starts a command without a stdout, and the first socket would take its number."""
    for number, mode in _MODES.items():
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # takes the lowest number that is free, which is this one
    sys.stdout = sys.stdout or os.fdopen(_STDOUT, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(_STDERR, "w", closefd=False)


def leave_unwritten() -> None:
    """Else Python tries once more at its end, and complains in its own way."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)
