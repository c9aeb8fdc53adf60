"""The services as processes of their own, to be killed."""

import asyncio
import atexit
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from shared.runtime.crash_points import ALLOWED, WHERE
from tests.faults.forking import SKEW_FILE, Forked

_ROOT = Path(__file__).resolve().parents[2]
_NUMBERS = itertools.count()


class _Starter:
    """One for all tests of this process."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="postroom-processes-")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forking"],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        atexit.register(self.close)

    def start(self, name: str, environment: Mapping[str, str], log: Path) -> Forked:
        ended = Path(self._folder.name) / f"{next(_NUMBERS)}.ended"
        asked = {"name": name, "environment": dict(environment), "log": str(log), "ended": str(ended)}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        self._process.stdin.flush()
        return Forked(int(self._process.stdout.readline()), ended)

    def close(self) -> None:
        """Whoever was left running is killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)
        self._folder.cleanup()


@cache
def _starter() -> _Starter:
    return _Starter()


@dataclass(slots=True)
class ServiceProcess:
    """`postroom NAME` in an environment of its own; what it logs goes to ``log``."""

    name: str
    environment: Mapping[str, str]
    log: Path
    process: Forked | None = field(default=None)
    skew: Path | None = None

    def set_clock_wrong(self, seconds: float) -> None:
        """By so much that of its host is fast: from the start on, or at once if it was wrong then."""
        skew = self.log.with_suffix(".skew")
        changed = skew.with_suffix(".new")
        changed.write_text(str(seconds), encoding="ascii")
        changed.rename(skew)
        self.skew = skew

    def start(self, fault_at: str = "") -> None:
        """``fault_at``: where it kills itself, or stops, as ``POSTROOM_FAULT_AT``."""
        armed = {WHERE: fault_at, ALLOWED: "on"} if fault_at else {}
        base = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
        if self.skew is not None:
            base[SKEW_FILE] = str(self.skew)
        self.process = _starter().start(self.name, {**base, **self.environment, **armed}, self.log)

    def kill(self) -> None:
        """As a power cut would: nothing of it runs on, nothing is said."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """The exit code after SIGTERM."""
        return self._end(signal.SIGTERM)

    async def ready(self, fault_at: str = "", seconds: float = 60.0) -> None:
        """Starts it, and is back when it says that it is ready."""
        before = self._said_ready()
        self.start(fault_at)
        async with asyncio.timeout(seconds):
            while self._said_ready() == before:
                assert self.process is None or self.process.poll() is None, f"{self.name} ended, see {self.log}"
                await asyncio.sleep(0.005)

    def _said_ready(self) -> int:
        return self.log.read_bytes().count(b'"action": "ready"') if self.log.exists() else 0

    async def died(self, seconds: float = 60.0) -> None:
        """Once it has killed itself. Fails when it ends otherwise, or does not."""
        assert self.process is not None
        async with asyncio.timeout(seconds):
            while (code := self.process.poll()) is None:
                await asyncio.sleep(0.002)
        assert code == -signal.SIGKILL, f"{self.name} ended with {code}, see {self.log}"
        self.process = None

    async def stood_still(self, seconds: float = 60.0) -> None:
        """Once it has stopped itself."""
        assert self.process is not None
        async with asyncio.timeout(seconds):
            while not self.process.is_stopped():
                assert self.process.poll() is None, f"{self.name} ended, see {self.log}"
                await asyncio.sleep(0.005)

    def go_on(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(how)
        code = self.process.wait(timeout=30)
        self.process = None
        return code
