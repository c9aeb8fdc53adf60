"""What the intake must know of tasks, on a disk of our own: so that links lead on while Postgres is away, also for a
tracker that is started then.

One line of JSON for each task, appended; what cannot be read of it is left out, and it is written anew when it has
grown beyond the limit. No address stands in it: links belong to messages, not to those who got them.
"""

import contextlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
import structlog

log = structlog.get_logger(__name__)

MOST_BYTES: Final = 32 * 1024 * 1024
FILE: Final = "tasks.known"


@dataclass(frozen=True, slots=True)
class KnownTask:
    recipients: int
    links: tuple[str, ...]  #: the n-th is link n, from 1


class TaskCopy:
    """In memory as on the disk. A disk that takes nothing more is logged, and memory goes on."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._path = folder / FILE
        self._most_bytes = most_bytes
        self._lines: dict[int, bytes] = {}
        self._size = 0
        self._read()

    def get(self, task_id: int) -> KnownTask | None:
        line = self._lines.get(task_id)
        return None if line is None else _parse(line)[1]

    def missing(self, task_ids: Collection[int]) -> list[int]:
        return [task_id for task_id in task_ids if task_id not in self._lines]

    def add(self, tasks: Mapping[int, KnownTask]) -> None:
        lines = {task_id: _line(task_id, task) for task_id, task in tasks.items()}
        lines = {task_id: line for task_id, line in lines.items() if self._lines.get(task_id) != line}
        if not lines:
            return
        self._lines |= lines
        self._size += sum(map(len, lines.values()))
        with _disk():
            if self._size > self._most_bytes:
                self._shrink()
            else:
                with self._path.open("ab") as file:
                    file.write(b"".join(lines.values()))

    def _read(self) -> None:
        with _disk():
            for line in self._path.read_bytes().splitlines(keepends=True):
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    self._lines[_parse(line)[0]] = line
            self._shrink()

    def _shrink(self) -> None:
        """To half of the limit, without those known longest; a file of two processes becomes that of one."""
        self._size = sum(map(len, self._lines.values()))
        while self._size > self._most_bytes // 2 and len(self._lines) > 1:
            self._size -= len(self._lines.pop(next(iter(self._lines))))
        begun = self._path.with_suffix(".new")
        begun.write_bytes(b"".join(self._lines.values()))
        begun.rename(self._path)


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        pass
    except OSError as error:
        log.warning("tasks not kept", action="task_copy_not_written", reason=error.strerror)


def _line(task_id: int, task: KnownTask) -> bytes:
    return orjson.dumps([task_id, task.recipients, task.links]) + b"\n"


def _parse(line: bytes) -> tuple[int, KnownTask]:
    task_id, recipients, links = orjson.loads(line)
    return int(task_id), KnownTask(int(recipients), tuple(map(str, links)))
