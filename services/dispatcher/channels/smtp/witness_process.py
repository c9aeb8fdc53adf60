"""The witness as seen by its dispatcher: started when there is something to hold, told of connections, nothing else."""

import socket
import subprocess
import sys
from array import array
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from services.dispatcher.channels.smtp import witness

log = structlog.get_logger(__name__)

START_AGAIN_SECONDS: Final = 60.0  #: between two starts
_SCRIPT: Final = Path(witness.__file__)


class WitnessProcess:
    """One a dispatcher. Where it cannot be started, or has died, connections go without, and it is started again when
    the next one opens, at most once a minute.
    """

    def __init__(self, file: int, monotonic: Callable[[], float]) -> None:
        """``file``: of the slots; the witness has its lock as well."""
        self._file = file
        self._monotonic = monotonic
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._may_start_at = monotonic()

    def hold(self, number: int, descriptor: int) -> bool:
        """Whether the witness has the connection. It never waits."""
        if self._control is None and self._monotonic() >= self._may_start_at:
            self._start()
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [descriptor]))]
        return self._tell(number, rights)

    def let_go(self, number: int) -> None:
        """It must have heard: else it would hold open what is closed here."""
        if self._control is not None and not self._tell(number, []):
            self._lose("it does not listen")

    def end(self) -> None:
        """At once."""
        process, self._process = self._process, None
        control, self._control = self._control, None
        if control is not None:
            control.close()
        if process is not None:
            process.kill()
            process.wait()

    def _start(self) -> None:
        self._may_start_at = self._monotonic() + START_AGAIN_SECONDS
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._control = ours
                ours.setblocking(False)
                self._process = _run((theirs.fileno(), self._file))
        except OSError as error:
            self.end()
            log.warning("no witness", action="witness_gone", reason=error.strerror)

    def _tell(self, number: int, rights: list[tuple[int, int, "array[int]"]]) -> bool:
        if self._control is None:
            return False
        try:
            self._control.sendmsg([number.to_bytes(4, "little")], rights)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            # Too many descriptors under way concern this one alone.
            if isinstance(error, ConnectionError):
                self._lose(error.strerror or "it is gone")
            return False
        return True

    def _lose(self, why: str) -> None:
        log.warning("the witness is gone", action="witness_gone", reason=why)
        with suppress(OSError):
            self.end()


def _run(given: tuple[int, int]) -> subprocess.Popen[bytes]:
    """``given``: its end of the line, and the file of the slots."""
    command, nothing = [sys.executable, "-I", "-S", str(_SCRIPT), *map(str, given)], subprocess.DEVNULL
    # In a session of its own: what a terminal says to our group is not said to it.
    return subprocess.Popen(  # noqa: S603 - our interpreter, our script, two numbers
        command, pass_fds=given, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
    )
