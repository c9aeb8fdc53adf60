"""Programs that are measured: started as children, ended by their process id, and what they used as /proc tells it."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.measured import Used
from services.standalone.private_process import User, end, spawn

_TICKS = os.sysconf("SC_CLK_TCK")
_STOP_SECONDS = 20.0


@contextmanager
def running(
    command: Sequence[str | Path], log: Path, environment: Mapping[str, str], user: User | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Its output is appended to ``log``; at the end it is asked to stop, and killed if it does not."""
    process = spawn(command, user=user or User.ourselves(), environment=environment, log=log)
    try:
        yield process
    finally:
        end(process, signal.SIGTERM, _STOP_SECONDS)


@contextmanager
def watched(pids: Mapping[str, int]) -> Iterator[list[Used]]:
    """Fills the list when the block ends: CPU of the block alone, the highest memory since each process began."""
    used: list[Used] = []
    before = {name: _cpu_seconds(pid) for name, pid in pids.items()}
    yield used
    used += [
        Used(name, _cpu_seconds(pid) - before[name], sum(_peak_megabytes(member) for member in _family(pid)))
        for name, pid in pids.items()
    ]


def _family(pid: int) -> list[int]:
    """The process and all that descend from it and live."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        if fields := _stat(stat):
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    family, place = [pid], 0
    while place < len(family):
        family += children.get(family[place], [])
        place += 1
    return family


def _cpu_seconds(pid: int) -> float:
    """User and system time of the family, those included that ended and were waited for."""
    ticks = 0
    for member in _family(pid):
        if fields := _stat(Path(f"/proc/{member}/stat")):
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / _TICKS


def _stat(path: Path) -> list[str]:
    """The fields from the third (the state) on, behind a name that may hold anything; empty when it is gone."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _peak_megabytes(pid: int) -> float:
    """Of memory that is its own or shared; the shared memory of Postgres is counted in each of its processes."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except FileNotFoundError:
        return 0.0
    lines = (line.split() for line in status.splitlines())
    return next((int(words[1]) / 1024 for words in lines if words[0] == "VmHWM:"), 0.0)
