"""Postfix's measuring pair, unpacked from Debian's package: smtp-sink counts, smtp-source is the yardstick."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.processes import running
from services.standalone.private_process import free_port, server_user
from tests.servers.backends import cache_folder
from tests.servers.debian_packages import unpack

ROOT = str(Path(__file__).resolve().parents[1])

SESSIONS = 10
MESSAGE_BYTES = 2_000

_READY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Postfix:
    root: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_LIBRARY_PATH": str(self.root / "usr/lib/postfix"), "PATH": "/usr/bin:/bin"}

    def program(self, name: str) -> Path:
        return self.root / "usr/sbin" / name


@dataclass(frozen=True, slots=True)
class Sink:
    port: int
    pid: int
    log: Path

    def count(self) -> int:
        """Messages so far: the sink rewrites its line of counters after each of them."""
        found = re.findall(rb"mesg=(\d+)", self.log.read_bytes()[-200:])
        return int(found[-1]) if found else 0


def unpack_postfix() -> Postfix:
    """Raises ServerMissing where there is neither a cached copy nor Debian's tools."""
    return Postfix(unpack("postfix", re.compile("postfix"), cache_folder()))


@contextmanager
def sink(postfix: Postfix, folder: Path) -> Iterator[Sink]:
    port = free_port()
    log = folder / "sink.log"
    log.unlink(missing_ok=True)
    command: list[str | Path] = [postfix.program("smtp-sink"), "-c", f"127.0.0.1:{port}", "1000"]
    if (user := server_user()).drops:
        command[1:1] = ["-u", user.name]
    with running(command, log, postfix.environment) as process:
        wait_until_open(port)
        yield Sink(port, process.pid, log)


@contextmanager
def slow_sink(folder: Path, latency: float) -> Iterator[Sink]:
    """One that is so many seconds away, command by command."""
    port, log = free_port(), folder / "slow-sink.log"
    log.unlink(missing_ok=True)
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ROOT}
    with running([sys.executable, "-m", "bench.slow_sink", str(port), str(latency)], log, environment) as process:
        wait_until_open(port)
        yield Sink(port, process.pid, log)


def send_by_source(postfix: Postfix, port: int, count: int) -> float:
    """Messages a second, on connections that are kept (-d), as ours are."""
    options = ["-d", "-s", SESSIONS, "-m", count, "-l", MESSAGE_BYTES, "-f", "a@example.com", "-t", "b@example.com"]
    command = [str(postfix.program("smtp-source")), *map(str, options), f"127.0.0.1:{port}"]
    began = time.perf_counter()
    subprocess.run(command, env=postfix.environment, check=True, timeout=600)
    return count / (time.perf_counter() - began)


def wait_until_open(port: int) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
