"""The real `postroom` as a child process, driven as its users drive it: arguments, environment, stdout, signals."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.standalone.private_process import dying_with_parent

ROOT = Path(__file__).resolve().parents[2]
ANY_PORTS = tuple(f"--{part}-port=0" for part in ("api", "tracker", "smtp", "bounce", "inbox"))
READY_SECONDS = 60.0
STOP_SECONDS = 30.0


@dataclass(frozen=True)
class Up:
    """A running `postroom up`."""

    process: "subprocess.Popen[bytes]"
    ready: Mapping[str, Any]

    def descendants(self) -> list[int]:
        return descendants(self.process.pid)

    def stop(self) -> tuple[int, bytes]:
        """Its exit code and what else it had printed on stdout."""
        self.process.send_signal(signal.SIGTERM)
        printed, _ = self.process.communicate(timeout=STOP_SECONDS)
        return self.process.returncode, printed


@contextmanager
def up(*arguments: str, **environment: str) -> Iterator[Up]:
    """Ready when entered; stopped at the end if it still runs."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command("up", *_any_ports(arguments), *arguments),
            cwd=ROOT,
            env=clean_environment(**environment),
            stdout=subprocess.PIPE,
            stderr=log,
            preexec_fn=dying_with_parent(signal.SIGTERM),  # noqa: PLW1509 - one call of libc, and no thread of ours
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                log.seek(0)
                raise AssertionError(f"it did not start: {log.read().decode()[-3000:]}")
            yield Up(process, json.loads(line))
        finally:
            _end(process)


def _any_ports(arguments: tuple[str, ...]) -> list[str]:
    """Free ports for whatever the test names none for."""
    named = {argument.partition("=")[0] for argument in arguments}
    return [option for option in ANY_PORTS if option.partition("=")[0] not in named]


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.communicate(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A command that ends by itself."""
    return subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "services.standalone", *arguments]


def clean_environment(**environment: str) -> dict[str, str]:
    """Ours without any setting of Postroom."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POSTROOM_")}
    return {**kept, **environment}


def descendants(pid: int) -> list[int]:
    """The children of a process and theirs."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def alive(pid: int) -> bool:
    """Whether it runs; one that ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"still not so after {seconds:.0f} s"
        time.sleep(0.05)
