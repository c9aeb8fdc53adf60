"""The services as processes of their own, to be killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_POSTROOM = Path(sys.executable).with_name("postroom")


@dataclass(slots=True)
class ServiceProcess:
    """`postroom NAME` in an environment of its own; what it logs goes to ``log``."""

    name: str
    environment: Mapping[str, str]
    log: Path
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(_POSTROOM), self.name],
                env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """As a power cut would: nothing of it runs on, nothing is said."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """The exit code after SIGTERM."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(how)
        code = self.process.wait(timeout=30)
        self.process = None
        return code
