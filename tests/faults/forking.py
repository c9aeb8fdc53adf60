"""A process that has imported the services and forks one whenever it is told to: ready in a tenth of the time.

What is forked is a process of its own in every respect that a kill can tell: its own memory, descriptors and loop. Each
line of stdin asks for one (name, environment, log) and is answered by its process id; how it ended stands in a file. At
the end of stdin all that still live are killed, so that a test run that dies leaves none behind.
"""

import gc
import json
import os
import select
import signal
import sys
import time
from pathlib import Path

LOOK_SECONDS = 0.005
#: Names the file that says by how many seconds the clock of the host is wrong; it may say otherwise at any moment.
SKEW_FILE = "FAULTS_SKEW_FILE"


def serve() -> None:
    """Until stdin ends."""
    import services.api.app
    import services.dispatcher.app
    import services.standalone.run_service
    import services.tracker.app  # noqa: F401 - loaded before anything is forked

    gc.freeze()  # what all children share is never written to
    living: dict[int, Path] = {}
    orders = os.fdopen(0, "rb", buffering=0, closefd=False)
    while True:
        ready, _, _ = select.select([0], [], [], LOOK_SECONDS if living else None)
        if ready:
            line = orders.readline()
            if not line:
                break
            asked = json.loads(line)
            process = _fork(asked)
            living[process] = Path(asked["ended"])
            sys.stdout.write(f"{process}\n")
            sys.stdout.flush()
        _bury(living)
    for process in living:
        os.kill(process, signal.SIGKILL)


def _fork(asked: dict[str, object]) -> int:
    """The child's id; the child never comes back."""
    process = os.fork()
    if process:
        return process
    try:
        log = os.open(str(asked["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for of_ours, theirs in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(of_ours, theirs)
        os.environ.clear()
        os.environ.update({str(name): str(value) for name, value in dict(asked["environment"]).items()})  # type: ignore[call-overload]  # as it was sent
        if SKEW_FILE in os.environ:
            _set_wrong(Path(os.environ.pop(SKEW_FILE)))
        os._exit(_run(str(asked["name"])))
    finally:
        os._exit(70)


def _set_wrong(skew: Path) -> None:
    """The clock that a host is set to; the monotonic one nobody sets."""
    right = time.time_ns
    time.time_ns = lambda: right() + int(float(skew.read_text(encoding="ascii")) * 1e9)
    time.time = lambda: time.time_ns() / 1e9


def _run(name: str) -> int:
    from services.standalone.command_line import app

    try:
        code = app([name], exit_on_error=False)
    except SystemExit as end:
        code = end.code
    except Exception:  # noqa: BLE001 - it ends here, and tells its log why
        import traceback

        traceback.print_exc()
        return 1
    sys.stderr.flush()
    return code if isinstance(code, int) else 0


def _bury(living: dict[int, Path]) -> None:
    """Notes how those who have died did, as ``subprocess`` counts: the exit code, or minus the signal."""
    while living:
        process, status = os.waitpid(-1, os.WNOHANG)
        if not process:
            return
        path = living.pop(process)
        begun = path.with_suffix(".new")
        begun.write_text(str(os.waitstatus_to_exitcode(status)), encoding="ascii")
        begun.rename(path)


class Forked:
    """As much of ``subprocess.Popen`` as the tests use, of a process that was forked."""

    def __init__(self, pid: int, ended: Path) -> None:
        self.pid = pid
        self._ended = ended
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None and self._ended.exists():
            self.returncode = int(self._ended.read_text(encoding="ascii"))
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, timeout: float) -> int:
        """Raises TimeoutError."""
        until = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > until:
                raise TimeoutError(f"process {self.pid} has not ended")
            time.sleep(0.002)
        return code

    def is_stopped(self) -> bool:
        """By SIGSTOP, all of its threads."""
        state = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        return state == "T"


if __name__ == "__main__":
    serve()
